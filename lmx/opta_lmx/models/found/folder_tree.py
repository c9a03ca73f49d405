"""Models in a tree of folders: `NAME`, or `OWNER/NAME` as model hubs and LM Studio name them; at any level, GGUF files."""

import re
from pathlib import Path

from ..model_adapter import is_adapter
from .findings import Findings

_DEPTH_MAX = 2
# Later parts of a file that was split: the first part names the model.
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_FIRST_PART = re.compile(r"-00001-of-\d{5}$", re.IGNORECASE)


def find(findings: Findings, root: Path, origin: str, *, is_expected: bool = False) -> None:
    """Add the models below `root`. Hidden entries are skipped; an unfinished download is reported."""
    for path in findings.children(root, is_expected=is_expected):
        enter(findings, path, (path.name,), origin)


def enter(findings: Findings, path: Path, parts: tuple[str, ...], origin: str) -> None:
    """Add the models at `path`; `parts` are the names of the folders from the root on."""
    if path.name.startswith("."):
        return
    if path.name.endswith((".import", ".quantise")):
        findings.problem(
            f"{path} is a model that is being made, or the rest of an attempt that was interrupted. The same command makes it anew."
        )
    elif path.name.lower().endswith((".part", ".incomplete", ".crdownload")):
        findings.problem(f"{path} is an unfinished download. Fetch the model again to complete it.")
    elif path.suffix.lower() == ".gguf":
        add_gguf(findings, path, parts[:-1], origin)
    elif findings.is_folder(path):
        _look_inside(findings, path, parts, origin)


def _look_inside(findings: Findings, folder: Path, parts: tuple[str, ...], origin: str) -> None:
    children = findings.children(folder)
    names = {child.name for child in children}
    if is_adapter(names):
        findings.add_adapter("/".join(parts), folder, origin)
    elif "config.json" in names:
        findings.add_folder("/".join(parts), folder, origin)
    elif any(name.endswith(".safetensors") for name in names):
        findings.add_unusable("/".join(parts), folder, origin, "it has no config.json")
    for child in children:
        is_model = "config.json" in names
        if child.suffix.lower() == ".gguf" or (not is_model and len(parts) < _DEPTH_MAX):
            enter(findings, child, (*parts, child.name), origin)


def add_gguf(findings: Findings, file: Path, parts: tuple[str, ...], origin: str) -> None:
    """Add a GGUF file under the names of its folders and its own."""
    if not _LATER_PART.search(file.name):
        findings.add_gguf("/".join((*parts, _FIRST_PART.sub("", file.stem))), file, origin)
