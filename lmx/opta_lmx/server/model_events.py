"""What happened to models, for whoever watches `/admin/events`: loaded, unloaded, died, refused, memory, downloads."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

# What somebody who comes late is told of the past, and how far a watcher may be behind before it is told that it missed some.
KEPT_MAX, BEHIND_MAX = 200, 500


class ModelEvents:
    """Numbered events; `tell` never waits."""

    def __init__(self) -> None:
        self._past: deque[dict[str, Any]] = deque(maxlen=KEPT_MAX)
        self._watchers: set[asyncio.Queue[dict[str, Any]]] = set()
        self._number = 0

    def tell(self, kind: str, **fields: Any) -> None:
        """Something happened."""
        self._number += 1
        event = {"number": self._number, "at": round(time.time(), 3), "event": kind, **fields}
        self._past.append(event)
        for watcher in self._watchers:
            with contextlib.suppress(asyncio.QueueFull):
                watcher.put_nowait(event)

    async def watch(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Events with a number above `after`, then those to come; a gap in the numbers says that the watcher was too slow."""
        mine: asyncio.Queue[dict[str, Any]] = asyncio.Queue(BEHIND_MAX)
        for event in self._past:
            if event["number"] > after:
                mine.put_nowait(event)
        self._watchers.add(mine)
        try:
            while True:
                yield await mine.get()
        finally:
            self._watchers.discard(mine)
