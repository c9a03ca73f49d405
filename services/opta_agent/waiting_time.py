"""The time in which people were waited for. Waits that overlap count once."""

from collections.abc import Generator
from contextlib import contextmanager

from opta_core.clock import now_s


class WaitingTime:
    """One instance per turn and reason to wait."""

    def __init__(self) -> None:
        self._ended_s, self._open, self._since = 0.0, 0, 0.0

    @property
    def seconds(self) -> float:
        """Seconds so far, with the wait that goes on."""
        return self._ended_s + (now_s() - self._since if self._open else 0.0)

    @contextmanager
    def counted(self) -> Generator[None]:
        """While this lasts, a person is waited for."""
        if not self._open:
            self._since = now_s()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._ended_s += now_s() - self._since
