"""The hunks of a unified diff as pairs of texts, which is how an editor takes a change.

A fragment holds exactly the lines that the diff shows, so a person sees the same change as in a terminal, also in a session that is replayed.
"""

import re
from typing import NamedTuple

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NO_LINE_BREAK = "\\ No newline at end of file"


class Fragment(NamedTuple):
    """One hunk. `old`: None where there was nothing before, as in a new file. `line`: its first line in the new file, from 1."""

    old: str | None
    new: str
    line: int


def fragments(diff: str) -> tuple[list[Fragment], str]:
    """(the hunks; the remark where a long diff was cut, '' when it is complete)."""
    found: list[Fragment] = []
    old: list[str] = []
    new: list[str] = []
    # The sides that have the row above.
    sides: list[list[str]] = []
    line, is_new, remark = 0, False, ""

    def end() -> None:
        if line:
            found.append(Fragment(None if is_new else "".join(old), "".join(new), line))

    for row in diff.split("\n"):
        if match := _HUNK.match(row):
            end()
            old, new, line, is_new = [], [], max(1, int(match[3])), match[1] == "0" and match[2] == "0"
        elif not line:
            continue
        elif row == _NO_LINE_BREAK:
            for side in sides:
                side[-1] = side[-1].removesuffix("\n")
        elif row[:1] in (" ", "-", "+"):
            sides = [side for side, other in ((old, "+"), (new, "-")) if row[0] != other]
            for side in sides:
                side.append(row[1:] + "\n")
        elif row.startswith("…"):
            remark = row
    end()
    return found, remark
