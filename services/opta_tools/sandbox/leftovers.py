"""Checks, at the start of a worker, the workspaces of commands whose worker died, before a person continues to work in them."""

import contextlib
import json
import os
from pathlib import Path

from opta_core.logs import Log

from ..result import ToolProblem
from .controls import Controls
from .tree_aside import GuardError
from .tree_guard import TreeGuard
from .view import Host, check_workspace
from .workspace_root import open_workspace

log = Log("sandbox")


def settle(host: Host, state: Path) -> list[str]:
    """Put aside the control files that commands of dead workers made, according to their records. Returns the notes.

    Takes no lock, because no command runs yet.
    """
    notes: list[str] = []
    for record in sorted((state / "running").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, ToolProblem, GuardError):
            notes += _settle_one(host, record)
    for note in notes:
        log.warning("left by a command whose worker died", note=note)
    return notes


def _settle_one(host: Host, record: Path) -> list[str]:
    """Check one workspace. Raises GuardError if it cannot be checked; then the session's next command tries again."""
    kept = json.loads(record.read_text())
    # A damaged record may name any folder. Checking all of a disk would delay the start by minutes.
    check_workspace(host, str(kept["tree"]))
    root, _ = open_workspace(str(kept["tree"]))
    controls = Controls(root, is_repository=bool(kept["is_repository"]), is_home=bool(kept["is_home"]))
    try:
        if os.fstat(root).st_ino != kept["inode"]:
            return []  # the path names another folder by now
        guard = TreeGuard(controls, Path(kept["aside"]), record)
        notes = guard.begin()
        guard.rest()
        return notes
    finally:
        controls.close()
