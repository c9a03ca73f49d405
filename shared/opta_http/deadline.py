"""A deadline for what a client still has to send."""

import asyncio
from collections.abc import Callable


class Deadline:
    """At most one timer at a time; `on_late` is called when it runs out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_late: Callable[[], None]):
        self._loop, self._on_late = loop, on_late
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Start the timer anew."""
        self.clear()
        self._timer = self._loop.call_later(seconds, self._on_late)

    def clear(self) -> None:
        """Stop the timer: the client owes nothing now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
