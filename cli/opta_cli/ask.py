"""Asks one question on a terminal, and makes sure that a person who has seen it answers.

Input that was typed or pasted before the question, or within its first half second, is discarded. A pasted block (bracketed
paste, or lines that arrive faster than a person types) is not accepted as an answer. Only a complete answer counts; the end of
input means no. The question can be closed by another client while it waits.
"""

import contextlib
import os
import select
import sys
import termios
import time
from collections.abc import Callable, Collection, Generator
from typing import TypeVar

from opta_core.errors import Refused

SETTLE_S = 0.5
# Time without input after an answer, and after another line; time for the rest of a paste marker to arrive.
ALONE_S, MARK_S = 0.15, 0.005
# An answer that was given elsewhere closes the question within 200 ms.
LOOK_S = 0.05
LINE_BYTES_MAX, WORDS_BYTES_MAX, PASTE_BYTES_MAX = 256, 16_384, 1 << 20
_PASTES, _PASTES_NO_MORE = "\x1b[?2004h", "\x1b[?2004l"
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
A = TypeVar("A")
_REFUSED = "That was pasted or typed ahead, so it does not count as an answer. Type the answer."


class Closed(Refused):
    """The question can no longer be answered. The message says why."""


def can_ask() -> bool:
    """Whether a person can type answers and see the questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on standard error. Returns False when no person can be asked."""
    return can_ask() and ask(f"{question} [y]es, [n]o: ", {"y": True, "yes": True, "n": False, "no": False}, False)


def ask(question: str, answers: dict[str, A], no: A, is_closed: Callable[[], str] = lambda: "") -> A:
    """The value in `answers` of the answer that was typed; `no` at the end of input.

    `is_closed` returns why the question is void, '' while it is open. Raises Closed when it is void.
    """
    if not can_ask():
        return no
    keyboard = _Keyboard(sys.stdin.fileno(), is_closed)
    with _single_keys(keyboard.fd):
        keyboard.settle()
        while True:
            _say(question)
            line, is_alone = keyboard.line(answers)
            _say("\n")
            if line is None:
                return no
            if not is_alone:
                _say(f"  {_REFUSED}\n")
                keyboard.settle()
            elif line in answers:
                return answers[line]
            else:
                _say(f"  Answer with one of: {', '.join(answers)}\n")


def ask_words(prompt: str, is_closed: Callable[[], str] = lambda: "") -> str | None:
    """A line in a person's words; None at the end of input. Raises Closed when the question is void.

    What was typed before it is discarded. A marked paste becomes part of the line, on one line, and does not end it; lines that arrive
    faster than a person types are refused.
    """
    if not can_ask():
        return None
    keyboard = _Keyboard(sys.stdin.fileno(), is_closed)
    with _single_keys(keyboard.fd):
        keyboard.settle()
        while True:
            _say(prompt)
            line, is_alone = keyboard.line((), is_words=True)
            _say("\n")
            if line is None or is_alone:
                return line
            _say(f"  {_REFUSED}\n")
            keyboard.settle()


class _Keyboard:
    """Reads keys, one line at a time. The terminal `fd` must be in single-key mode."""

    def __init__(self, fd: int, is_closed: Callable[[], str]):
        self.fd, self._is_closed = fd, is_closed
        self._rest = b""

    def settle(self) -> None:
        """Discard input until none has arrived for the dead time. Raises Closed when the question is void."""
        self._rest = b""
        termios.tcflush(self.fd, termios.TCIFLUSH)
        until = time.monotonic() + SETTLE_S
        while (left_s := until - time.monotonic()) > 0:
            if self._comes(min(LOOK_S, left_s)):
                if not os.read(self.fd, 65536):
                    return
                until = time.monotonic() + SETTLE_S
            self._check_open()

    def line(self, answers: Collection[str], *, is_words: bool = False) -> tuple[str | None, bool]:
        """(the line, or None at the end of input; whether it was typed on its own). `is_words`: any text, with its capitals."""
        line = bytearray()
        rest, self._rest = self._rest, b""
        while True:
            if not rest:
                self.wait()
                rest = os.read(self.fd, 65536)
                if not rest:
                    return None, True
            if rest.startswith(b"\x1b"):
                pasted = self._pasted(rest) if _PASTE_BEGINS.startswith(rest[: len(_PASTE_BEGINS)]) else None
                if pasted is not None and not is_words:
                    return "", False
                rest = b""  # an arrow or another key without text
                for key in (pasted or b"").replace(b"\r", b" ").replace(b"\n", b" "):
                    self._edit(line, bytes([key]), is_words=True)
                continue
            key, rest = rest[:1], rest[1:]
            if key == b"\x04":
                return None, True
            if key in b"\r\n":
                text = line.decode(errors="replace")
                return (text if is_words else text.lower()), not rest and self._is_alone(is_words or text.lower() in answers)
            self._edit(line, key, is_words=is_words)

    def _is_alone(self, is_answer: bool) -> bool:
        """Whether a line was typed by hand: no input follows an answer at once, and no second line follows another line."""
        while self._comes(ALONE_S):
            more = os.read(self.fd, 65536)
            if is_answer or not more:
                return not more
            self._rest += more
            if sum(self._rest.count(end) for end in (b"\r", b"\n")) > 1:
                return False
        return True

    def _edit(self, line: bytearray, key: bytes, *, is_words: bool) -> None:
        text = line.decode(errors="replace")
        if key in b"\x7f\b":
            if line:
                # A character may have several bytes.
                line[:] = text[:-1].encode()
                _say("\b \b")
        elif key == b"\x15":
            _say("\b \b" * len(text))
            line.clear()
        elif len(line) >= (WORDS_BYTES_MAX if is_words else LINE_BYTES_MAX):
            return
        elif b" " <= key < b"\x7f":
            line += key
            _say(key.decode())
        elif key >= b"\x80" and is_words:
            line += key
            with contextlib.suppress(UnicodeDecodeError):
                _say(line.decode()[-1])
        elif key >= b"\x80":
            line += b"?"
            _say("?")

    def _pasted(self, rest: bytes) -> bytes | None:
        """The text of a pasted block that begins here, read to its end; None when none begins."""
        while len(rest) < len(_PASTE_BEGINS) and self._comes(MARK_S):
            rest += os.read(self.fd, 65536)
        if not rest.startswith(_PASTE_BEGINS):
            return None
        rest = rest[len(_PASTE_BEGINS) :]
        while _PASTE_ENDS not in rest and self._comes(SETTLE_S):
            more = os.read(self.fd, 65536)
            if not more:
                break
            rest = (rest + more)[-PASTE_BYTES_MAX:]
        return rest.partition(_PASTE_ENDS)[0]

    def wait(self) -> None:
        """Wait for input. Raises Closed when the question is void."""
        while not self._comes(LOOK_S):
            self._check_open()

    def _check_open(self) -> None:
        if reason := self._is_closed():
            _say("\n")
            raise Closed(reason)

    def _comes(self, wait_s: float) -> bool:
        deadline = time.monotonic() + wait_s
        readable, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
        return bool(readable)


@contextlib.contextmanager
def _single_keys(fd: int) -> Generator[None, None, None]:
    """Single-key mode: keys arrive one by one without echo, pastes are marked, Ctrl-C interrupts, Ctrl-Z does nothing."""
    before = termios.tcgetattr(fd)
    changed = termios.tcgetattr(fd)
    changed[3] &= ~(termios.ICANON | termios.ECHO)
    changed[6][termios.VMIN], changed[6][termios.VTIME], changed[6][termios.VSUSP] = 1, 0, b"\0"
    termios.tcsetattr(fd, termios.TCSAFLUSH, changed)
    _say(_PASTES)
    try:
        yield
    finally:
        _say(_PASTES_NO_MORE)
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
