"""Events of `/admin/events`: models loaded, unloaded, died or quarantined, memory levels, downloads."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from opta_protocol.lmx import LmxEvent

# Past events that a new watcher gets, and how many events a slow watcher may lag behind before it misses some.
KEPT_MAX, LAG_MAX = 200, 500


class ModelEvents:
    """Numbered events; `publish` never waits."""

    def __init__(self) -> None:
        self._past: deque[LmxEvent] = deque(maxlen=KEPT_MAX)
        self._watchers: set[asyncio.Queue[LmxEvent]] = set()
        self._number = 0

    def publish(self, kind: str, **fields: Any) -> None:
        """Send an event to every watcher. `fields` are those of `LmxEvent`."""
        self._number += 1
        event = LmxEvent(number=self._number, at=round(time.time(), 3), event=kind, **fields)
        self._past.append(event)
        for watcher in self._watchers:
            with contextlib.suppress(asyncio.QueueFull):
                watcher.put_nowait(event)

    async def watch(self, after: int = 0, idle_s: float = 10.0) -> AsyncIterator[LmxEvent | None]:
        """Events numbered above `after`, then new ones as they happen, and None after `idle_s` without any.

        A gap in the numbers means that the watcher was too slow and missed events.
        """
        queue: asyncio.Queue[LmxEvent] = asyncio.Queue(LAG_MAX)
        for event in self._past:
            if event.number > after:
                queue.put_nowait(event)
        self._watchers.add(queue)
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_s):
                        event = await queue.get()
                except TimeoutError:
                    yield None
                else:
                    yield event
        finally:
            self._watchers.discard(queue)
