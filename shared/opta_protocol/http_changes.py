"""Bodies of HTTP requests and responses about what turns changed in files: shown, undone and redone."""

from typing import Annotated

import msgspec

from .event_parts import FileHunk
from .file_changes import ChangedFile, FileOutcome
from .http import Name, Request


class UndoTurnRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/undo and /redo: without `turnId`, the last turn whose changes can be undone (or redone).

    `paths`: only of these files; without them of every file that the turn changed, except those that only a background command may have
    changed. `hunks`: only these hunks of the turn's diffs, instead of `paths`; the rest of their files stays. `partly`: when some cannot be, do the others. `dryRun`: say what would be done, and do nothing.
    """

    turnId: Name = ""
    paths: Annotated[list[Annotated[str, msgspec.Meta(max_length=4096)]], msgspec.Meta(max_length=10_000)] = []
    hunks: Annotated[list[FileHunk], msgspec.Meta(max_length=1_000)] = []
    partly: bool = False
    dryRun: bool = False


class TurnUndoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to each file, or would be in a dry run."""

    turnId: str
    isDone: bool
    files: list[FileOutcome]


class TurnChanges(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v3/sessions/:id/turns/:turnId/changes: the files that a turn changed, from before its first change to after its last one.

    `missed`: commands whose changes are not known, and why. `notCovered`: folders and files whose changes are never recorded.
    `beside`: sessions whose commands ran in the workspace at the same time.
    """

    turnId: str
    files: list[ChangedFile]
    missed: list[str] = []
    notCovered: list[str] = []
    beside: list[str] = []


class TurnOfFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A turn that changed a file. `isUndone`: its change of this file was undone; `undoneHunks`: as in `ChangedFile`."""

    turnId: str
    isUndone: bool = False
    undoneHunks: list[str] = []


class SessionFile(ChangedFile, frozen=True, kw_only=True, omit_defaults=True):
    """A file that a session changed: from before its first change to after its last one, with what others changed between. `turns`: oldest first."""

    turns: list[TurnOfFile] = []


class SessionChanges(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v3/sessions/:id/changes: the files that the turns of a session changed. The lists as in `TurnChanges`."""

    files: list[SessionFile]
    missed: list[str] = []
    notCovered: list[str] = []
    beside: list[str] = []
