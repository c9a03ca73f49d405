"""Prints the parts of a view: the answer on standard output, all else on standard error.

On a terminal the answer is printed as it comes. In a pipe or a file, the answer of a step is written when the step has ended:
what is written cannot be taken back when the model is asked once more.
"""

import contextlib
import select
import shutil
import sys
from collections.abc import Generator
from typing import TextIO

from .plain_text import plain, plain_line, print_plain
from .view import ViewPart


def is_closed(stream: TextIO) -> bool:
    """Whether nobody reads a pipe any more, without writing to it."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(found & select.POLLERR for _, found in poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


class PlainPrinter:
    """`as_json`: print nothing, because the events themselves are printed."""

    def __init__(self, *, as_json: bool):
        self._is_silent = as_json
        self._is_live = sys.stdout.isatty()
        self._held = ""
        self._is_line_start, self._has_status = True, False

    @contextlib.contextmanager
    def drawing(self) -> Generator[None]:
        """While this lasts, parts may be shown."""
        yield

    def show(self, part: ViewPart) -> None:
        """Print a part."""
        if self._is_silent and part.kind != "error":
            return
        match part.kind:
            case "answer":
                self._answer(part.text)
            case "output":
                self._put(part.text, is_answer=False)
            case "line" | "waiting" | "step":
                self.line(part.text)
            case "repeat" | "rethink":
                self._take_back(part)
            case "stats":
                self.flush()
                self.line("")
                if sys.stderr.isatty():
                    print(part.text, file=sys.stderr, flush=True)
            case "error":
                self.flush()
                self.line("")
                print_plain(f"opta: {part.text}", sys.stderr)
            case _:
                pass

    def _answer(self, text: str) -> None:
        if self._is_live:
            self._put(text, is_answer=True)
        else:
            self._held += text
            if is_closed(sys.stdout):
                raise BrokenPipeError

    def _take_back(self, part: ViewPart) -> None:
        self._held = self._held[: part.kept] if part.kind == "repeat" else ""
        self.line(part.text)

    def flush(self) -> None:
        """A step has ended: its answer stays. Raises BrokenPipeError."""
        held, self._held = self._held, ""
        if held:
            self._put(held, is_answer=True)

    def line(self, text: str) -> None:
        """Print a text as one line."""
        if self._is_silent:
            return
        if not self._is_line_start:
            print(flush=True, file=sys.stderr if self._has_status else sys.stdout)
        self._has_status = False
        if text:
            print(plain_line(text), file=sys.stderr, flush=True)
        self._is_line_start = True

    def status(self, text: str) -> None:
        """Replace the line that says how far sub-agents are."""
        if self._is_silent or not text:
            return
        if not self._is_line_start and not self._has_status:
            print(flush=True)
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{plain_line(text)[: columns - 1]}")
        sys.stderr.flush()
        self._is_line_start, self._has_status = False, True

    def _put(self, text: str, *, is_answer: bool) -> None:
        stream = sys.stdout if is_answer else sys.stderr
        stream.write(plain(text))
        stream.flush()
        self._is_line_start = text.endswith("\n")
