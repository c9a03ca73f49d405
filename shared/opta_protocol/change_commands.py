"""Requests to the tool worker about what turns changed in files, and its replies."""

from .command_base import Command
from .event_parts import FileHunk
from .file_changes import ChangedFile, ChangeSet, FileOutcome


class UndoChanges(Command, frozen=True, kw_only=True, omit_defaults=True, tag="UndoChanges"):
    """Takes back what a turn changed, or makes it again. `folder`: the identity of `cwd`. The rest as in `UndoTurnRequest`.

    `until`: monotonic time of the machine after which it must not begin, because its sender waits no longer; 0 for none.
    """

    id: int
    sid: str
    cwd: str
    folder: str = ""
    sets: list[ChangeSet]
    paths: list[str] = []
    hunks: list[FileHunk] = []
    redo: bool = False
    partly: bool = False
    dryRun: bool = False
    until: float = 0.0


class ChangesUndone(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ChangesUndone"):
    """The reply to `UndoChanges`: what was done to each file, or would be; or why nothing could be looked at."""

    id: int
    isDone: bool = False
    files: list[FileOutcome] = []
    problem: str = ""


class ShowChanges(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ShowChanges"):
    """Asks for the files that a turn changed, with their diffs."""

    id: int
    sid: str
    cwd: str
    folder: str = ""
    sets: list[ChangeSet]


class ChangesShown(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ChangesShown"):
    """The reply to `ShowChanges`."""

    id: int
    files: list[ChangedFile] = []
    notCovered: list[str] = []
    problem: str = ""
