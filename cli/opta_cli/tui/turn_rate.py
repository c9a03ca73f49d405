"""How fast a turn writes, and for how long it works: figures for the live region."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from opta_core.clock import now_s
from opta_core.transcript_parts import Turn

WINDOW_S, LEAST_S = 3.0, 0.3


class TurnRate:
    """Pieces of an answer are counted as tokens: most servers send one in each."""

    def __init__(self, now: Callable[[], float] = now_s) -> None:
        """`now`: the time of day in seconds."""
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def tokens_per_s(self, pieces: int, now: float) -> float:
        """The rate of the last seconds. `pieces`: all so far; `now`: seconds of any clock."""
        self._seen.append((now, pieces))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        began, before = self._seen[0]
        return max(0.0, (pieces - before) / (now - began)) if now - began > LEAST_S else 0.0

    def elapsed_s(self, turn: Turn | None) -> float:
        """Seconds since the turn began to work; 0 without one."""
        started = turn.steps[0].startedAt if turn is not None and turn.steps else ""
        try:
            return max(0.0, self._now() - datetime.fromisoformat(started).timestamp())
        except ValueError:
            return 0.0
