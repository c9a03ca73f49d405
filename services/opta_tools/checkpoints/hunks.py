"""Hunks of the change of one file: the state that the file would have without some of them."""

import io
import stat
from collections.abc import Sequence

from ..files.edits import diff_lines
from ..files.line_matching import hunks
from ..result import ToolProblem
from .file_state import FileState
from .reverting import CannotRevert, ChangeSpan


def of_hunks(path: str, span: ChangeSpan, chosen: Sequence[str]) -> ChangeSpan:
    """The part of a change that the chosen hunks make, by the line ranges of the diff. Raises CannotRevert.

    The permissions, which no hunk shows, stay as the change left them. The only hunk of a file that was created or deleted is the whole change.
    """
    before, after = span.before, span.after
    if before.unkept or after.unkept:
        raise CannotRevert("has no hunks any more: a content is not kept, because it is too large, or it was changed too long ago")
    if any(state.mode and not state.is_file for state in (before, after)):
        raise CannotRevert("has no hunks, because it is not a file: undo all of it")
    try:
        shown = diff_lines(before.content, path), diff_lines(after.content, path)
    except ToolProblem as problem:
        raise CannotRevert(f"has no hunks, because it is not a text: {problem}") from None
    known = dict(hunks(*shown))
    if missing := [lines for lines in chosen if lines not in known]:
        raise CannotRevert(f"has no hunk {missing[0][:64]} in this turn: look at its changes again")
    if not before.mode or not after.mode:
        return span
    old, new = _lines(before.content), _lines(after.content)
    if (len(old), len(new)) != tuple(map(len, shown)):
        raise CannotRevert("is in an encoding whose hunks cannot be separated: undo all of it")
    without = list(new)
    # From the last one on, so that the numbers of the lines before stay.
    for lines in sorted(set(chosen), key=lambda each: -known[each][0][3]):
        first, last = known[lines][0], known[lines][-1]
        without[first[3] : last[4]] = old[first[1] : last[2]]
    return ChangeSpan(FileState(stat.S_IFREG | after.permissions, b"".join(without)), after)


def _lines(content: bytes) -> list[bytes]:
    """The lines with their ends, separated as diffs separate them: by "\\n" only."""
    return io.BytesIO(content).readlines()
