"""The bill of materials of what is shipped: `./opta dev licences` writes `build/sbom.json` (CycloneDX 1.6) and prints a table of licences.

It reads the environment in which it runs, for the packages of `requirements.lock` and of the extras, and the page's lock file for what is
bundled into the page. A package without a known licence fails the command, so that nobody ships one unseen.
"""

import json
import re
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "requirements-vision.lock", "requirements-otel.lock", "requirements-window.lock"]
# Packages whose metadata names no licence; read from the licence file that each ships.
READ_BY_HAND = {
    "agent-client-protocol": "Apache-2.0",
    "supervisor": "BSD-derived, of Repoze",
    "protobuf": "BSD-3-Clause",
    "transformers": "Apache-2.0",
}
_CLASSIFIERS = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}


class Component(NamedTuple):
    """A package that is shipped or installed. `kind`: python or page. `licence`: '' when its metadata names none."""

    kind: str
    name: str
    version: str
    licence: str


def run() -> int:
    """Write the bill of materials and print the licences. Returns 1 when a licence is not known."""
    found = python_components() + page_components()
    target = ROOT / "build/sbom.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(bill(found), indent=2) + "\n")
    by_licence: dict[str, list[str]] = {}
    for each in found:
        by_licence.setdefault(each.licence or "unknown", []).append(f"{each.name} {each.version}")
    for licence, names in sorted(by_licence.items()):
        print(f"{licence}: {', '.join(sorted(names))}")
    print(f"{len(found)} components, written to {target.relative_to(ROOT)}")
    return 1 if "unknown" in by_licence else 0


def python_components() -> list[Component]:
    """The pinned packages that are installed here. One for another system is not."""
    names = {name for lock in LOCKS for name in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", (ROOT / lock).read_text(), re.M)}
    found: list[Component] = []
    for name in sorted(names, key=str.lower):
        try:
            facts = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        found.append(Component("python", facts["Name"], facts["Version"], READ_BY_HAND.get(name) or _licence(facts)))
    return found


def page_components() -> list[Component]:
    """What is bundled into the page: the dependencies of its lock file that are not for development."""
    packages = json.loads((ROOT / "desktop/web/package-lock.json").read_text())["packages"]
    return [
        Component("page", path.rpartition("node_modules/")[2], facts["version"], str(facts.get("license", "")))
        for path, facts in sorted(packages.items())
        if path and not facts.get("dev") and not facts.get("optional")
    ]


def bill(components: list[Component]) -> dict[str, object]:
    """The components as CycloneDX 1.6 (ECMA-424)."""
    kinds = {"python": "pypi", "page": "npm"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "opta", "version": metadata.version("opta")}},
        "components": [
            {
                "type": "library",
                "name": each.name,
                "version": each.version,
                "purl": f"pkg:{kinds[each.kind]}/{each.name.replace('@', '%40')}@{each.version}",
                "licenses": [{"license": {"name": each.licence}}] if each.licence else [],
            }
            for each in components
        ],
    }


def _licence(facts: "metadata.PackageMetadata") -> str:
    """The licence in a package's metadata: its expression, its classifiers, or its short text."""
    if expression := facts.get("License-Expression"):
        return str(expression)
    named = [each.rpartition(" :: ")[2] for each in facts.get_all("Classifier") or [] if each.startswith("License ::")]
    known = sorted({_CLASSIFIERS.get(each, each) for each in named if each != "OSI Approved"})
    if known:
        return " OR ".join(known)
    text = (facts.get("License") or "").strip()
    return text.splitlines()[0] if text and len(text.splitlines()[0]) <= 60 else ""
