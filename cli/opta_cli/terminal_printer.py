"""Draws the parts of a view on a terminal while they come: what is final scrolls up, what is open is drawn again below it.

One thread writes to the terminal, so that Ctrl-C never interrupts a row. The main thread only says what there is to draw.
"""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator

from .live_region import LiveRegion
from .plain_text import plain_line
from .terminal_look import has_colour, rewraps, toned
from .turn_rows import TurnRows
from .view import ViewPart

# Between two pictures; between two counts of seconds; after a change of size, until the terminal has settled; the longest wait.
PICTURE_S, COUNT_S, RESIZE_S, SYNC_S = 0.05, 1.0, 0.25, 5.0


class TerminalPrinter:
    """As `PlainPrinter`, for a terminal that can be drawn on."""

    def __init__(self, *, shows_thinking: bool):
        self._rows = TurnRows(has_colour=has_colour(), shows_thinking=shows_thinking)
        self._region = LiveRegion(sys.stdout, rewraps=rewraps())
        self._tasks: deque[Callable[[int], None]] = deque()
        self._changed, self._drawn = threading.Event(), threading.Condition()
        # How many tasks were given, and how many are on the screen.
        self._given = self._shown = 0
        self._is_over, self._is_drawing = False, False
        self._thinks_since = 0.0
        self._draft = ""
        self._problem: OSError | None = None

    @contextlib.contextmanager
    def drawing(self) -> Generator[None]:
        """While this lasts, parts may be shown. At its end, all of them are final."""
        self._is_over = False
        self._add(self._rows.wait)
        thread = threading.Thread(target=self._draw_all, name="printer", daemon=True)
        thread.start()
        self._is_drawing = True
        try:
            yield
        finally:
            self._draft = ""
            self._add(self._rows.end)
            self._is_over = True
            self._changed.set()
            thread.join()
            self._is_drawing = False

    def show(self, part: ViewPart) -> None:
        """Draw a part. Raises BrokenPipeError when the terminal is gone."""
        if self._problem is not None:
            raise BrokenPipeError from self._problem
        self._add(lambda width: self._rows.take(part, width))

    def flush(self) -> None:
        """A step has ended: its answer is whole."""
        self._add(self._rows.end)

    def line(self, text: str) -> None:
        """Draw a text as one line. '' ends what is open, and waits until it is drawn: somebody else writes below it."""
        if text:
            self._add(lambda width: self._rows.line(text, width))
        else:
            self._draft = ""
            self._add(self._rows.end)
        if not self._is_drawing:
            self._add(self._rows.end)
            self._draw()
        if text or not self._is_drawing:
            return
        wanted = self._given
        with self._drawn:
            self._drawn.wait_for(lambda: self._shown >= wanted, SYNC_S)

    def status(self, text: str) -> None:
        """Replace the line that says how far sub-agents are."""
        self._add(lambda width: self._rows.status(text))

    def draft(self, text: str) -> None:
        """What is typed meanwhile, for the next message."""
        self._draft = text
        self._changed.set()

    def begin_below(self) -> None:
        """Somebody else has written to the terminal: draw what is open again, below that."""
        self._region.forget()
        self._changed.set()

    def _add(self, task: Callable[[int], None]) -> None:
        self._tasks.append(task)
        self._given += 1
        self._changed.set()

    # the drawing thread ----------------------------------------------------------------------------

    def _draw_all(self) -> None:
        while True:
            self._changed.wait(COUNT_S)
            is_over = self._is_over
            self._draw()
            if is_over and not self._tasks:
                return
            # Tokens that come meanwhile are in the next picture.
            time.sleep(PICTURE_S)

    def _draw(self) -> None:
        self._changed.clear()
        count = 0
        while True:
            columns = self._region.settled_columns(RESIZE_S)
            count += self._take(columns)
            live = self._rows.open_rows(columns, time.monotonic() - self._thinks_since)
            if self._draft:
                live = [*live, toned(_draft_row(self._draft), "cyan")]
            # Rows that were made for another width are made again.
            if not self._region.is_resized():
                break
        if self._problem is None:
            try:
                self._region.draw(self._rows.final_rows(), live)
            except OSError as error:
                self._problem = error
        with self._drawn:
            self._shown += count
            self._drawn.notify_all()

    def _take(self, columns: int) -> int:
        """Do what was asked for since the last picture; how much it was."""
        is_thinking, count = self._rows.is_thinking, 0
        while self._tasks:
            self._tasks.popleft()(columns)
            count += 1
        if self._rows.is_thinking and not is_thinking:
            self._thinks_since = time.monotonic()
        return count


def _draft_row(text: str) -> str:
    *earlier, last = text.split("\n")
    more = f" ({len(earlier) + 1} lines)" if earlier else ""
    return f"next message{more} ▸ {plain_line(last)}"
