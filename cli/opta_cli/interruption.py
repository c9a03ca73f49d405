"""Signals that end a command arrive as KeyboardInterrupt whose argument is the signal's number: SIGTERM, and SIGHUP of a closed terminal."""

import contextlib
import signal
from collections.abc import Generator
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextlib.contextmanager
def interruptible() -> Generator[None]:
    """While this lasts, the signals raise KeyboardInterrupt in the main thread; one that is ignored stays ignored (nohup)."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def number_of(error: KeyboardInterrupt) -> int:
    """The signal that interrupted; Ctrl-C when none is named."""
    return int(error.args[0]) if error.args else int(signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
