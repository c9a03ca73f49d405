"""Looks at what commands left behind whose worker died: at the next start, before a person works on in these folders."""

import contextlib
import json
import os
from pathlib import Path

from opta_core.logs import Log

from ..result import ToolProblem
from .controls import Controls
from .session_sandbox import opened
from .tree_aside import GuardError
from .tree_guard import TreeGuard

log = Log("sandbox")


def settle(state: Path) -> list[str]:
    """Put aside what the records of running commands show to be made by them; what was said about it. Takes no lock: nothing runs yet."""
    notes: list[str] = []
    for record in sorted((state / "running").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, ToolProblem, GuardError):
            notes += _settle_one(record)
    for note in notes:
        log.warning("left by a command whose worker died", note=note)
    return notes


def _settle_one(record: Path) -> list[str]:
    """Raises GuardError where the folder cannot be looked at: the session's next command tries again."""
    kept = json.loads(record.read_text())
    root, _ = opened(str(kept["tree"]))
    controls = Controls(root, is_repository=bool(kept["is_repository"]), is_home=bool(kept["is_home"]))
    try:
        if os.fstat(root).st_ino != kept["inode"]:
            return []  # another folder by now
        guard = TreeGuard(controls, Path(kept["aside"]), record)
        notes = guard.begin()
        guard.rest()
        return notes
    finally:
        controls.close()
