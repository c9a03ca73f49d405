"""`./opta dev docs`: builds the documents as a static site in `build/site`, with every link and anchor checked.

The documents stay where a reader of the checkout looks for them. The site has a copy in which links between them are those of the site;
files of the code are named there and not linked, because the site does not have them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
SOURCE, SITE, ENVIRONMENT = ROOT / "build/site-source", ROOT / "build/site", ROOT / "build/site-env"
LOCK = ROOT / "requirements-docs.lock"
# Documents outside of docs/, and their names on the site.
OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "ops/README.md": "operations-files.md",
    "lmx/opta_lmx/probe/README.md": "probe.md",
}
SECTIONS: dict[str, list[str]] = {
    "Begin": ["index.md", "guide.md", "first_run.md", "model_servers.md"],
    "Work": [
        "control.md",
        "permissions.md",
        "outside.md",
        "context_files.md",
        "extensions.md",
        "settings.md",
        "keyboard.md",
        "tui.md",
        "window.md",
        "editors.md",
        "cli.md",
    ],
    "Models": ["lmx.md", "lmx_fields.md", "exam.md", "probe.md"],
    "Operate": ["operations.md", "triage.md", "telemetry.md", "security.md", "operations-files.md"],
    "Build on it": ["sdk.md", "protocol.md", "architecture.md", "one_hour.md", "contributing.md"],
    "Measured": ["reliability.md", "benchmarks.md", "changelog.md"],
}
_LINK = re.compile(r"(?P<head>!?\[(?P<words>[^\]]*)\])\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")


def build() -> int:
    """Build the site; returns the exit code of the builder, which fails for a link that leads nowhere."""
    _install()
    shutil.rmtree(SOURCE, ignore_errors=True)
    for file, name in documents().items():
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        (SOURCE / name).write_text(of_the_site(file))
    for file in [*(ROOT / "docs").glob("*.json"), *(ROOT / "docs/examples").glob("*.py")]:
        target = SOURCE / file.relative_to(ROOT / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (ROOT / "build/mkdocs.yml").write_text(configuration())
    command = [ENVIRONMENT / "bin/python", "-m", "mkdocs", "build", "--strict", "-q", "-f", ROOT / "build/mkdocs.yml"]
    # The notice is about another program, on each run.
    code = subprocess.run(command, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}).returncode
    if code == 0:
        print(f"built {SITE.relative_to(ROOT)}/index.html")
    return code


def documents() -> dict[Path, str]:
    """Every document of the site, and its name there."""
    inside = {file: str(file.relative_to(ROOT / "docs")) for file in sorted((ROOT / "docs").rglob("*.md"))}
    return {**{ROOT / name: target for name, target in OUTSIDE.items()}, **inside}


def of_the_site(file: Path) -> str:
    """A document with the links of the site. What stands between marks of code stays as it is."""
    parts = re.split(r"(```.*?```|`[^`\n]*`)", file.read_text(), flags=re.S)
    # A link may have code in its words: then its target is in the part behind it.
    text = "\0".join(parts[::2])
    text = _LINK.sub(lambda link: _relinked(file, link), text)
    outside, inside = text.split("\0"), parts[1::2]
    return "".join(words + code for words, code in zip(outside, [*inside, ""], strict=True))


def _relinked(file: Path, link: re.Match[str]) -> str:
    target, anchor = link["target"], link["anchor"] or ""
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    found = (file.parent / target).resolve()
    if found.is_dir():
        found /= "README.md"
    known = documents()
    here = PurePosixPath(known[file]).parent
    if found in known:
        return f"{link['head']}({_relative(known[found], here)}{anchor})"
    if found.is_relative_to(ROOT / "docs") and found.suffix in (".json", ".py"):
        return f"{link['head']}({_relative(str(found.relative_to(ROOT / 'docs')), here)})"
    return link["words"]


def _relative(target: str, folder: PurePosixPath) -> str:
    return "../" * len(folder.parts) + target


def configuration() -> str:
    """The configuration of the builder. What is in no section is reached by links."""
    lines = [
        "site_name: Opta",
        "docs_dir: site-source",
        "site_dir: site",
        "use_directory_urls: false",
        "theme:",
        "  name: material",
        "  font: false",
        "  palette:",
        "    - {media: '(prefers-color-scheme: light)', scheme: default, toggle: {icon: material/weather-night, name: Dark}}",
        "    - {media: '(prefers-color-scheme: dark)', scheme: slate, toggle: {icon: material/weather-sunny, name: Light}}",
        "  features: [navigation.sections, navigation.top, search.highlight, content.code.copy]",
        "markdown_extensions: [tables, toc: {permalink: true}, pymdownx.superfences]",
        "plugins: [search]",
        "validation: {links: {not_found: warn, anchors: warn, unrecognized_links: warn}, nav: {omitted_files: ignore}}",
        "nav:",
    ]
    for section, names in SECTIONS.items():
        lines += [f"  - {section}:", *(f"      - {name}" for name in names)]
    return "\n".join(lines) + "\n"


def _install() -> None:
    stamp = ENVIRONMENT / "lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "pip", "install", "-q", "--system-certs", "--python", ENVIRONMENT / "bin/python", "--require-hashes", "-r", LOCK]
    subprocess.run(command, check=True)
    stamp.write_bytes(LOCK.read_bytes())
