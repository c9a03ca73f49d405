"""What a person types while a turn runs: it is not echoed into the answer, and becomes the draft of the next message.

Enter begins a new line of the draft, so nothing is sent that was not seen. Ctrl-C and Ctrl-Z act as ever.
"""

import contextlib
import os
import re
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Generator
from types import FrameType

_PASTES, _PASTES_NO_MORE = "\x1b[?2004h", "\x1b[?2004l"
# Keys without text: sequences of a terminal, Alt with a character, and control characters.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BYTES_MAX = 1 << 20


class TypedDraft:
    """`keeps`: keys are collected for the next message; else they stay with the terminal, for whoever reads it next.

    `on_change` is called in another thread with the draft so far, `on_continued` when the program goes on after Ctrl-Z.
    """

    def __init__(self, *, keeps: bool, on_change: Callable[[str], None], on_continued: Callable[[], None]):
        self._keeps, self._on_change, self._on_continued = keeps and sys.stdin.isatty(), on_change, on_continued
        self._typed = bytearray()
        self._thread: threading.Thread | None = None
        self._wake = (-1, -1)

    def take(self) -> str:
        """The draft, which begins anew."""
        text = draft_of(bytes(self._typed))
        self._typed.clear()
        return text

    @contextlib.contextmanager
    def collecting(self) -> Generator[None]:
        """While this lasts, keys are not echoed."""
        if not sys.stdin.isatty():
            yield
            return
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        continued = signal.getsignal(signal.SIGCONT)

        def again(number: int, frame: FrameType | None) -> None:
            self._quiet(fd)
            self._on_continued()

        try:
            signal.signal(signal.SIGCONT, again)
            self._quiet(fd)
            self._begin(fd)
            yield
        finally:
            self._end()
            signal.signal(signal.SIGCONT, continued if continued is not None else signal.SIG_DFL)
            self._say(_PASTES_NO_MORE)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """While this lasts, another reader has the terminal."""
        is_collecting = self._thread is not None
        self._end()
        try:
            yield
        finally:
            if is_collecting:
                self._begin(sys.stdin.fileno())
                self._say(_PASTES)

    def _quiet(self, fd: int) -> None:
        """No echo; single keys where they are collected."""
        changed = termios.tcgetattr(fd)
        changed[3] &= ~termios.ECHO
        if self._keeps:
            changed[3] &= ~termios.ICANON
            changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
        termios.tcsetattr(fd, termios.TCSADRAIN, changed)
        self._say(_PASTES)

    def _say(self, text: str) -> None:
        if self._keeps:
            # Also called while another write is interrupted.
            with contextlib.suppress(OSError):
                os.write(sys.stderr.fileno(), text.encode())

    # the reader ------------------------------------------------------------------------------------

    def _begin(self, fd: int) -> None:
        if self._keeps:
            self._wake = os.pipe()
            self._thread = threading.Thread(target=self._read, args=(fd, self._wake[0]), name="keys", daemon=True)
            self._thread.start()

    def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            os.write(self._wake[1], b".")
            thread.join()
            for end in self._wake:
                os.close(end)

    def _read(self, fd: int, wake: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([fd, wake], [], [])
                if wake in ready:
                    return
                typed = os.read(fd, 65536)
                if not typed:
                    return
                self._typed = (self._typed + typed)[-BYTES_MAX:]
                self._on_change(draft_of(bytes(self._typed)))


def draft_of(typed: bytes) -> str:
    """The text that keys have made, with backspace and Ctrl-U applied."""
    text = _SEQUENCE.sub("", typed.decode(errors="ignore")).replace("\r\n", "\n").replace("\r", "\n")
    found: list[str] = []
    for character in text:
        if character in "\x7f\b":
            if found:
                found.pop()
        elif character == "\x15":
            while found and found[-1] != "\n":
                found.pop()
        elif not _CONTROL.match(character):
            found.append(character)
    return "".join(found).strip("\n")
