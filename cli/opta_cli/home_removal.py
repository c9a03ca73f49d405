"""What an uninstallation removes of a home: everything that Opta put there, except for the sessions and what belongs to them.

Names that are not in the tables stay: a home may be a folder that holds other things. A link is removed, and never what it leads to.
"""

import os
import shutil
from pathlib import Path

import msgspec

from opta_core.errors import OptaError
from opta_core.paths import WORKSPACES, Paths

# In the home, with what each is.
REMOVED = {
    "config.toml": "settings",
    "accounts.json": "names of keys",
    "vault": "keys in an encrypted file",
    "models": "models",
    "lmx": "LMX's keys, certificates and prefixes",
    "policies": "rules and grants",
    "skills": "your skills",
    "hooks": "your hooks",
    "commands": "your commands",
    "exams": "results of exams",
    "browser-snapshots": "pictures of pages",
    "prompt_history": "what you typed",
}
# In its folder `daemon`; everything else there is removed.
SESSION_PARTS = {"sessions", "archive", "trash", "attachments", "spills", "snapshots", "checkpoints", "worktrees.json"}


class Removal(msgspec.Struct, frozen=True):
    """One file or folder to remove, what it is, and its size in bytes."""

    path: Path
    what: str
    size: int


class RemovalPlan(msgspec.Struct, frozen=True):
    """`stays`: what is left, by its name in the home: the sessions, and what is not Opta's."""

    removals: list[Removal]
    stays: list[str]


def plan_of(paths: Paths) -> RemovalPlan:
    """What would be removed of a home. Raises OptaError when it cannot be read."""
    removals: list[Removal] = []
    stays: list[str] = []
    try:
        for entry in _listed(paths.home):
            if entry == paths.daemon:
                continue
            if what := REMOVED.get(entry.name):
                removals.append(Removal(entry, what, _size(entry)))
            else:
                stays.append(f"{entry.name} (work of sessions)" if entry.name == WORKSPACES else entry.name)
        for entry in _listed(paths.daemon):
            if entry.name in SESSION_PARTS:
                stays.append(f"daemon/{entry.name}")
            else:
                removals.append(Removal(entry, "logs" if entry == paths.logs else "of the daemon", _size(entry)))
    except OSError as error:
        raise OptaError(f"{error.filename} cannot be read: {error.strerror}. Nothing was removed.") from error
    return RemovalPlan(removals, stays)


def remove(plan: RemovalPlan) -> None:
    """Remove what the plan says, and nothing that came since. Raises OptaError for the first that cannot be removed."""
    for removal in plan.removals:
        try:
            if removal.path.is_dir() and not removal.path.is_symlink():
                shutil.rmtree(removal.path)
            else:
                removal.path.unlink(missing_ok=True)
        except OSError as error:
            raise OptaError(
                f"{error.filename or removal.path} cannot be removed: {error.strerror}. Run the command again after that."
            ) from error


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size(entry: Path) -> int:
    """The bytes of a file, or of all files in a folder; links count for nothing."""
    if entry.is_symlink():
        return 0
    if not entry.is_dir():
        return entry.stat().st_size
    total = 0
    for folder, _, files in os.walk(entry):
        for name in files:
            try:
                total += Path(folder, name).lstat().st_size
            except FileNotFoundError:  # a part of the daemon was just removing it
                continue
    return total
