"""The last rows of a terminal, which are drawn again while they change. Rows above them are final and are never touched.

The terminal must not wrap what is drawn again, and it may wrap it again when its width changes: then the region takes more rows.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len, set_cell_size

_CODES = re.compile(r"\x1b\[[0-9;]*m")
# Nothing wraps, one update is one picture; and back.
_BEGIN, _END = "\x1b[?2026h\x1b[?7l", "\x1b[?7h\x1b[?2026l"
_RESET = "\x1b[0m"
ROWS_MIN, COLUMNS_MIN = 3, 8


class LiveRegion:
    """The end of one terminal. Between two calls the cursor stands at the end of the last row, or at the beginning of a new one."""

    def __init__(self, stream: TextIO, *, rewraps: bool):
        self._stream, self._rewraps = stream, rewraps
        self._widths: list[int] = []
        self._columns = _size().columns

    def settled_columns(self, quiet_s: float) -> int:
        """The columns that a row may fill: the last one stays empty, since some terminals wrap behind it.

        After a change of size it waits until there was none for `quiet_s`: a program hears of it later than the terminal.
        """
        columns = _size().columns
        while columns != self._columns:
            self._columns = columns
            time.sleep(quiet_s)
            columns = _size().columns
        return max(COLUMNS_MIN, columns - 1)

    def is_resized(self) -> bool:
        """Whether the width is another one than `settled_columns` has found."""
        return _size().columns != self._columns

    def forget(self) -> None:
        """The live rows are no longer at the end of the terminal, and stay where they are."""
        self._widths = []

    def draw(self, final: Sequence[str], live: Sequence[str]) -> None:
        """Add final rows above, and replace the live ones: of these the last that fit. Raises OSError."""
        size = _size()
        most = max(ROWS_MIN, size.lines - 2)
        shown = [_clipped(row, max(COLUMNS_MIN, size.columns - 1)) for row in live]
        if len(shown) > most:
            shown = ["⋮", *shown[1 - most :]]
        text = self._erased(size.columns)
        # What is final may be wrapped by the terminal, so that nothing of it is cut.
        text += "".join(f"{row}\r\n" for row in final)
        if shown:
            text += _BEGIN + "\r\n".join(shown) + _RESET + _END
        self._widths = [_width(row) for row in shown]
        if text:
            self._stream.write(text)
            self._stream.flush()

    def _erased(self, columns: int) -> str:
        """What removes the live rows, however many rows they take by now."""
        if not self._widths:
            return ""
        rows = sum(max(1, -(-width // columns)) if self._rewraps else 1 for width in self._widths)
        # Row by row: where the region begins at the top of the screen, tmux takes a clearing of all of it for a screen to remember.
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (rows - 1)


def _size() -> os.terminal_size:
    """Of the terminal itself: the shell's variables may be older."""
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()


def _width(row: str) -> int:
    return cell_len(_CODES.sub("", row))


def _clipped(row: str, columns: int) -> str:
    """A row that is not wider than this. Rows are made to fit, so only one without colours is cut."""
    return row if _width(row) <= columns else set_cell_size(_CODES.sub("", row), columns)
