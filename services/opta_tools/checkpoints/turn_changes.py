"""The changes of one turn, path by path: shown with their diffs, taken back, and made again."""

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opta_protocol.event_parts import Change
from opta_protocol.file_changes import ChangedFile, ChangeSet, FileOutcome

from ..files.edits import Draft
from .file_state import ABSENT, UNKEPT, FileState
from .hunks import of_hunks
from .reverting import CannotRevert, ChangeSpan, repeated, reverted

# A diff that is longer is cut; together they fit in one message.
DIFF_CHARS_MAX, DIFFS_CHARS_MAX = 64 * 1024, 2 * 1024 * 1024

# The content of a sha256; None when it is not kept.
ContentOf = Callable[[str], bytes | None]


@dataclass
class PathChanges:
    """The changes of one path, oldest first, and the calls that made them. `is_sure`: not only a background command may have made them."""

    path: str
    changes: list[Change] = field(default_factory=list[Change])
    calls: list[str] = field(default_factory=list[str])
    is_sure: bool = False


def by_path(sets: list[ChangeSet]) -> dict[str, PathChanges]:
    """The changes of a turn by path; without paths that are at the end as they were at the beginning."""
    found: dict[str, PathChanges] = {}
    for changes in sets:
        for change in changes.changes:
            known = found.setdefault(change.path, PathChanges(change.path))
            if known.changes and _ends(change) == _begins(known.changes[0]) and _ends(known.changes[-1]) != _begins(change):
                # Of calls at the same time, the later one may have changed it first.
                known.changes.insert(0, change)
            else:
                known.changes.append(change)
            known.is_sure |= not changes.background
            if changes.callId not in known.calls:
                known.calls.append(changes.callId)
    return {path: each for path, each in found.items() if not _is_nothing(each.changes[0], each.changes[-1])}


def moved(
    changes: PathChanges, now: FileState, content_of: ContentOf, *, again: bool, hunks: Sequence[str] = ()
) -> tuple[FileState, FileOutcome]:
    """The state that a path gets when its changes are taken back (or made `again`), and what that is called. Raises CannotRevert.

    `hunks`: only these of the diff that `shown` gives.
    """
    spans = _spans(changes.changes, now, content_of)
    whole = spans[-1].after if again else spans[0].before
    if hunks:
        if len(spans) > 1:
            raise CannotRevert("was changed by others during the turn, so its hunks are not all of this turn: undo all of it")
        spans = [of_hunks(changes.path, spans[0], hunks)]
    target = repeated(now, spans) if again else reverted(now, spans)
    if target == now:
        return now, FileOutcome(path=changes.path, did="unchanged")
    if not target.mode:
        return target, FileOutcome(path=changes.path, did="removed")
    return target, FileOutcome(path=changes.path, did="restored" if target == whole else "hunks" if hunks else "merged")


def shown(changes: PathChanges, now: FileState, content_of: ContentOf, chars_left: int) -> ChangedFile:
    """What a turn did to a path. `chars_left`: how long its diff may be."""
    first, last = changes.changes[0], changes.changes[-1]
    before = _state(first.beforeMode, first.before, now, content_of)
    after = _state(last.afterMode, last.after, now, content_of)
    diff, is_text = _diff(changes.path, before, after)
    limit = max(0, min(DIFF_CHARS_MAX, chars_left))
    is_after, is_before = (
        (now.kind, now.sha256, now.permissions) == (state.kind, state.sha256, state.permissions) for state in (after, before)
    )
    return ChangedFile(
        path=changes.path,
        did="created" if not before.mode else "deleted" if not after.mode else "changed",
        kind=after.kind or before.kind or "file",
        now="after" if is_after else "before" if is_before else "other",
        beforeMode=first.beforeMode,
        afterMode=last.afterMode,
        diff=diff[:limit].rpartition("\n")[0] if len(diff) > limit else diff,
        isCut=len(diff) > limit,
        isText=is_text,
        background=not changes.is_sure,
        calls=changes.calls,
    )


def _diff(path: str, before: FileState, after: FileState) -> tuple[str, bool]:
    """A unified diff, and whether both contents are text and kept."""
    if "folder" in (before.kind, after.kind) or before.unkept or after.unkept:
        return "", "folder" in (before.kind, after.kind)
    if before.content == after.content:
        return "", True
    diff = Draft(path, before.content, after.content, "", 0).uncut_diff
    return diff, bool(diff)


def _spans(changes: list[Change], now: FileState, content_of: ContentOf) -> list[ChangeSpan]:
    """The changes, joined where one begins with what the one before ended with."""
    spans: list[tuple[Change, Change]] = []
    for change in changes:
        if spans and _ends(spans[-1][1]) == _begins(change):
            spans[-1] = spans[-1][0], change
        else:
            spans.append((change, change))
    return [
        ChangeSpan(_state(first.beforeMode, first.before, now, content_of), _state(last.afterMode, last.after, now, content_of))
        for first, last in spans
        if not _is_nothing(first, last)
    ]


def _begins(change: Change) -> tuple[str, str]:
    return change.before, change.beforeMode


def _ends(change: Change) -> tuple[str, str]:
    return change.after, change.afterMode


def _is_nothing(first: Change, last: Change) -> bool:
    return _begins(first) == _ends(last)


def _state(mode: str, sha256: str, now: FileState, content_of: ContentOf) -> FileState:
    """The state that a change names. A content that is not kept any more counts as too large to be kept."""
    if not mode and not sha256:
        return ABSENT
    # Journals from before modes were recorded: a file with the mode that it has.
    number = int(mode, 8) if mode else (now.mode if now.is_file else stat.S_IFREG | 0o644)
    if stat.S_ISDIR(number):
        return FileState(number)
    if sha256.startswith(UNKEPT):
        return FileState(number, unkept=sha256)
    if sha256 == now.sha256:
        return FileState(number, now.content)
    content = content_of(sha256)
    return FileState(number, unkept=f"{UNKEPT}:{sha256}") if content is None else FileState(number, content)
