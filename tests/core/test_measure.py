"""The figures of coverage: by package, printed, and written down for the runs that do not measure."""

from pathlib import Path
from typing import Any

import measure
import pytest


def file(lines: int, run: int, branches: int, taken: int) -> dict[str, Any]:
    """A file as coverage.py describes it."""
    counts = {"num_statements": lines, "covered_lines": run, "num_branches": branches, "covered_branches": taken}
    return {"summary": counts, "missing_lines": list(range(lines - run))}


FIGURES = {
    "files": {
        "shared/opta_core/a.py": file(100, 90, 10, 5),
        "shared/opta_core/b.py": file(100, 100, 10, 10),
        "services/opta_agent/c.py": file(50, 20, 0, 0),
    }
}


def test_figures_are_added_up_by_package_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "coverage.toml"
    measure.report(FIGURES, record)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [
        "coverage of shared: 95.0 % of lines, 75.0 % of branches",
        "coverage of services: 40.0 % of lines, 100.0 % of branches",
    ]
    assert shown[-1] == "most lines without a test: services/opta_agent/c.py 30, shared/opta_core/a.py 10, shared/opta_core/b.py 0"
    assert measure.last(record).splitlines() == shown[:-1]


def test_without_a_measurement_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    assert measure.last(tmp_path / "none.toml") == "coverage: not measured yet: ./opta test --coverage"
