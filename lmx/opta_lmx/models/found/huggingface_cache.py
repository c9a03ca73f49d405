"""The cache of Hugging Face's library: `models--OWNER--NAME` with `refs`, `snapshots` of links, and `blobs`.

One revision of each repository is offered: that of `main`, else the newest snapshot. A download in progress leaves
`*.incomplete` blobs; a snapshot that is not whole because of that is named and not offered.
"""

import contextlib
import re
from pathlib import Path

from ..model_adapter import is_adapter
from . import folder_tree
from .findings import Findings
from .folder_tree import add_gguf

ORIGIN = "Hugging Face cache"
_OTHER = ("datasets--", "spaces--", ".", "tmp")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def find(findings: Findings, hub: Path, *, is_expected: bool = False) -> None:
    """Add the models of a cache; `hub` is the folder that holds `models--…`."""
    children = findings.children(hub, is_expected=is_expected)
    if any(child.name == "hub" for child in children) and not any(child.name.startswith("models--") for child in children):
        children = findings.children(hub / "hub")
    for folder in children:
        if folder.name.startswith("models--"):
            if findings.is_folder(folder):
                _repo(findings, folder, folder.name.removeprefix("models--").replace("--", "/"))
        elif not folder.name.startswith(_OTHER) and folder.is_dir():
            # Copied here by hand.
            folder_tree.enter(findings, folder, (folder.name,), ORIGIN)


def _repo(findings: Findings, folder: Path, name: str) -> None:
    snapshot = _snapshot(findings, folder)
    unfinished = [blob for blob in findings.children(folder / "blobs") if blob.name.endswith(".incomplete")]
    if snapshot is None:
        if (folder / "config.json").exists():
            findings.add_folder(name, folder, ORIGIN)
        elif unfinished:
            findings.add_unusable(name, folder, ORIGIN, _incomplete(unfinished))
        return
    files = findings.children(snapshot)
    names = {file.name for file in files}
    for file in files:
        if file.suffix.lower() == ".gguf":
            add_gguf(findings, file, tuple(name.split("/")), ORIGIN)
    if is_adapter(names) and not unfinished:
        findings.add_adapter(name, snapshot, ORIGIN)
        return
    if "config.json" not in names:
        # Tokenizers, data files and GGUF repositories have none.
        if unfinished or any(each.endswith(".safetensors") for each in names):
            findings.add_unusable(name, snapshot, ORIGIN, _incomplete(unfinished) if unfinished else "it has no config.json")
        return
    commit = snapshot.name if _COMMIT.fullmatch(snapshot.name) else ""
    # A blob gets its name when it is whole, so that its size need not be checked.
    findings.add_folder(name, snapshot, ORIGIN, revision=commit, is_checked=False)
    entry = findings.entries.get(name)
    if unfinished and entry is not None and entry.path == str(snapshot) and not entry.runnable:
        findings.explain(name, f"{_incomplete(unfinished)} ({entry.problem})")


def _snapshot(findings: Findings, folder: Path) -> Path | None:
    snapshots = {path.name: path for path in findings.children(folder / "snapshots") if findings.is_folder(path)}
    with contextlib.suppress(OSError, ValueError):
        commit = (folder / "refs/main").read_text()[:64].strip()
        if commit in snapshots:
            return snapshots[commit]
    times: list[tuple[int, str]] = []
    for name, path in snapshots.items():
        with contextlib.suppress(OSError):
            times.append((path.stat().st_mtime_ns, name))
    return snapshots[max(times)[1]] if times else None


def _incomplete(unfinished: list[Path]) -> str:
    size = 0
    for blob in unfinished:
        with contextlib.suppress(OSError):
            size += blob.stat().st_size
    return f"its download is incomplete: {len(unfinished)} unfinished file{'s' if len(unfinished) != 1 else ''} with {size / 1e6:.0f} MB"
