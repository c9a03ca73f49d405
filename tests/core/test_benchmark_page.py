"""A measurement changes the figures of docs/benchmarks.md and leaves everything else on the page."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/benchmarks.md").read_text()
renewed = runpy.run_path(str(ROOT / "bench/page.py"))["renewed"]


def sections(page: str) -> list[str]:
    return page.split("\n## ")[1:]


def test_new_figures_leave_every_section_as_it_is() -> None:
    page = renewed(PAGE, "A machine.\n\n| figure |\n")
    assert sections(page) == sections(PAGE) != []
    assert "A machine." in page.partition("\n## ")[0]
    assert renewed(page, "A machine.\n\n| figure |\n") == page


def test_figures_of_lmx_are_added_once_and_kept_by_a_measurement_without_lmx() -> None:
    page = renewed(PAGE, "A table.", "Figures of LMX.")
    page = renewed(page, "Another table.", "Newer figures of LMX.")
    assert page.count("figures of LMX.") == 1 and "\nNewer figures of LMX.\n" in page
    assert sections(page)[1:] == sections(PAGE)
    assert "Newer figures of LMX." in renewed(page, "A third table.")


def test_the_page_is_as_a_measurement_would_write_it() -> None:
    head, _, _ = PAGE.partition("\n## ")
    assert PAGE.startswith(runpy.run_path(str(ROOT / "bench/page.py"))["HEAD"]), head[:300]
