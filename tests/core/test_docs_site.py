"""The copy of the documents that becomes the site: each is in it once, and its links are those of the site."""

import re
from pathlib import Path

import docs_site


def test_every_document_of_a_section_exists() -> None:
    names = set(docs_site.documents().values())
    assert [name for listed in docs_site.SECTIONS.values() for name in listed if name not in names] == []
    assert len(names) == len(docs_site.documents())


def test_links_lead_to_documents_of_the_site_and_files_of_the_code_are_only_named() -> None:
    names = set(docs_site.documents().values())
    lost: list[str] = []
    for file, name in docs_site.documents().items():
        text = re.sub(r"```.*?```", "", docs_site.of_the_site(file), flags=re.S)
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text):
            found = (Path("/site") / name).parent / target
            shown = str(Path(re.sub(r"[^/]+/\.\./", "", str(found))).relative_to("/site"))
            if shown not in names and not shown.endswith((".json", ".py")):
                lost.append(f"{name}: {target}")
    assert lost == []


def test_code_stays_as_it_is() -> None:
    readme = docs_site.ROOT / "README.md"
    blocks = re.findall(r"```.*?```", readme.read_text(), re.S)
    assert blocks and all(block in docs_site.of_the_site(readme) for block in blocks)
