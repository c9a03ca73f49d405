"""Every file and every setting that a document names exists."""

import re
from pathlib import Path

import pytest

from opta_core.settings import known_keys

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


# The ids of actions have the form of settings.
@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.name != "keyboard.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_setting_that_a_document_names_exists(document: Path) -> None:
    sections = {key.partition(".")[0] for key in known_keys() if "." in key}
    named = re.findall(r"`((\w+)\.[a-zA-Z_-]+)(?=[` =])", document.read_text())
    assert [key for key, section in named if section in sections and key not in known_keys() and not key.endswith((".py", ".md"))] == []


def test_the_list_of_decisions_is_whole() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text()
    assert [path.name for path in sorted((ROOT / "docs/adr").glob("0*.md")) if f"({path.name})" not in listed] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_of_a_document_is_longer_than_a_screen(document: Path) -> None:
    lines = enumerate(document.read_text().splitlines(), 1)
    assert [number for number, line in lines if len(line) > 300 and not line.startswith("|")] == []
