"""What a turn changed in files, as the tool worker finds it."""

from typing import Literal

import msgspec

from .event_parts import Change


class ChangeSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The changes of one tool call, oldest set first. `kept`: sha256 of the kept list that replaces `changes`; `background`: see FilesChanged."""

    callId: str
    changes: list[Change]
    kept: str = ""
    background: bool = False


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an undo or a redo did to one file.

    restored: it is as it was; merged: the turn's change is taken back (or made again), and what was changed since stays;
    hunks: the named hunks are taken back (or made again), and the rest of the file stays; removed;
    unchanged: it was so already; kept: the folder holds other files; refused: nothing was done, and `why` says the reason.
    """

    path: str
    did: Literal["restored", "merged", "hunks", "removed", "unchanged", "kept", "refused"]
    why: str = ""


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, link or folder that a turn changed. The modes are octal, '' for nothing.

    `now`: whether it is still as the turn left it, as it was before the turn, or something else. `diff` is empty for what is not text, and
    `isCut` when it is not complete. `background`: only a command in the background may have changed it. `isUndone`: its change was undone.
    `undoneHunks`: the `lines` of the hunks that were undone one by one.
    """

    path: str
    did: Literal["created", "deleted", "changed"]
    kind: Literal["file", "link", "folder"]
    now: Literal["after", "before", "other"]
    beforeMode: str = ""
    afterMode: str = ""
    diff: str = ""
    isCut: bool = False
    isText: bool = True
    background: bool = False
    isUndone: bool = False
    undoneHunks: list[str] = []
    calls: list[str] = []
