"""What taking back, or making again, a change of one path leads to: the states of files, without files."""

import stat
from dataclasses import dataclass

from .diff3 import MergeConflict, merge
from .file_state import FileState


class CannotRevert(Exception):
    """A change cannot be taken back. The message follows the path, in words for people."""


@dataclass(frozen=True)
class ChangeSpan:
    """A change of one path without a gap: from one state to another. An undo goes back over the spans of a turn, a redo forward."""

    before: FileState
    after: FileState


def reverted(now: FileState, spans: list[ChangeSpan]) -> FileState:
    """The state that a path gets when its changes (oldest first) are taken back. Raises CannotRevert."""
    for span in reversed(spans):
        now = _moved(now, span.after, span.before)
    return now


def repeated(now: FileState, spans: list[ChangeSpan]) -> FileState:
    """The state that a path gets when its changes (oldest first) are made again. Raises CannotRevert."""
    for span in spans:
        now = _moved(now, span.before, span.after)
    return now


def _moved(now: FileState, source: FileState, target: FileState) -> FileState:
    """`now` with what leads from `source` to `target`."""
    if _is_same(now, target):
        return now
    if _is_same(now, source):
        if target.unkept and target.unkept != now.unkept:
            raise CannotRevert("had a content that is not kept: it is too large, or it was changed too long ago")
        return target
    if not now.mode:
        raise CannotRevert("is gone")
    if now.kind == source.kind == "folder" and not target.mode:
        # If it holds other files now, it stays.
        return target
    if not source.mode or not target.mode:
        raise CannotRevert("is there again, with another content" if not source.mode else "was changed since")
    if now.kind != source.kind:
        raise CannotRevert(f"has become a {now.kind}")
    if stat.S_ISDIR(now.mode) and stat.S_ISDIR(target.mode):
        return FileState(_permissions(now, source, target) | stat.S_IFDIR)
    if (now.content, now.unkept) == (source.content, source.unkept) == (target.content, target.unkept):
        return FileState(stat.S_IFMT(now.mode) | _permissions(now, source, target), now.content, now.unkept)
    if now.unkept or source.unkept or target.unkept:
        raise CannotRevert("was changed since, and its content was not kept")
    if not (now.is_file and source.is_file and target.is_file):
        raise CannotRevert("was changed since")
    try:
        content = merge(source.content, now.content, target.content)
    except MergeConflict as conflict:
        raise CannotRevert(f"was changed since: {conflict}") from None
    return FileState(stat.S_IFREG | _permissions(now, source, target), content)


def _is_same(one: FileState, other: FileState) -> bool:
    return (one.kind, one.permissions, one.content, one.unkept) == (other.kind, other.permissions, other.content, other.unkept)


def _permissions(now: FileState, source: FileState, target: FileState) -> int:
    """The permissions of the target, unless somebody has set others since."""
    return target.permissions if now.permissions == source.permissions else now.permissions
