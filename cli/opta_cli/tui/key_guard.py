"""Which keys count as an answer: those of a person who has seen the question, pressed once and on their own.

Keys within the first half second after the question was painted count as typed before, and begin that time anew. A key that another one
follows at once was held down, pasted or typed ahead. A key counts by the moment at which it arrived: a program that is busy reads it later.
`opta_cli.ask` has the same rules for questions in lines.
"""

import math
import sys
import time

from ..ask import ALONE_S, SETTLE_S

__all__ = ["ALONE_S", "SETTLE_S", "KeyGuard", "clock"]

# The clock of `textual.events.Key.time`, in seconds.
clock = time.perf_counter if sys.platform == "win32" else time.monotonic


class KeyGuard:
    """Judges keys by their times, in seconds of `clock`. None counts before `begin`, which belongs behind the first painting."""

    def __init__(self) -> None:
        self._quiet_from = math.inf

    def begin(self, now: float) -> None:
        """What is asked now is on the screen."""
        self._quiet_from = now

    def is_settled(self, now: float) -> bool:
        """Whether a key may count."""
        return now - self._quiet_from >= SETTLE_S

    def take(self, now: float) -> bool:
        """Whether a key that comes now may count. One that comes too early begins the time anew."""
        if self.is_settled(now):
            return True
        self._quiet_from = max(self._quiet_from, now)
        return False
