"""A deadline for data that a client still has to send."""

import asyncio
from collections.abc import Callable


class Deadline:
    """At most one timer at a time. `on_late` is called when it expires."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_late: Callable[[], None]):
        self._loop, self._on_late = loop, on_late
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Restart the timer."""
        self.clear()
        self._timer = self._loop.call_later(seconds, self._on_late)

    def clear(self) -> None:
        """Stop the timer: no data is expected now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
