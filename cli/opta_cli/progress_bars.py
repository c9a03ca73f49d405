"""Says that long work goes on: a bar when its size is known, else the time that it has taken. Only on a terminal."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from .plain_text import plain_line

CELLS, DRAW_EVERY_S, SHOW_AFTER_S = 24, 0.1, 1.0


class Bar:
    """One line on standard error that is drawn again; nothing where that is no terminal, or a dumb one."""

    def __init__(self, what: str):
        self._what, self._drawn_at = what, 0.0
        self._is_shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, done: float, total: float, note: str = "") -> None:
        """The work has come to `done` of `total`, in any unit; 0: the total is not known yet."""
        if not self._is_shown or time.monotonic() - self._drawn_at < DRAW_EVERY_S:
            return
        self._drawn_at = time.monotonic()
        share = min(1.0, done / total) if total else 0.0
        cells = round(CELLS * share)
        self.say(f"{self._what} {'█' * cells}{'░' * (CELLS - cells)} {100 * share:3.0f} % {note}")

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._is_shown:
            columns = shutil.get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[2K{plain_line(text)[: max(10, columns - 1)]}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Say what is waited for, and for how long, once it takes longer than a second."""
    bar, is_over = Bar(what), threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not is_over.wait(SHOW_AFTER_S):
            bar.say(f"{what} … {time.monotonic() - began:.0f} s")

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        bar.clear()
