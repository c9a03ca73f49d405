"""Recent lines in memory: what live streams read, bounded in number and bytes. The journal can replace all of it at any time."""

import asyncio
from collections import deque

from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscription, Subscriptions

RING_LINES, RING_BYTES = 4096, 2 * 1024 * 1024
GLOBAL_LINES, GLOBAL_BYTES = 16384, 8 * 1024 * 1024


class RecentLines:
    """The last lines, at most `lines_max` and `bytes_max`, and the tasks that wait for the next one."""

    def __init__(self, lines_max: int, bytes_max: int):
        self._lines: deque[bytes] = deque()
        self._lines_max, self._bytes_max = lines_max, bytes_max
        self._bytes = 0
        self._waiters: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._lines)

    def extend(self, lines: list[bytes]) -> None:
        """Add lines; the oldest go."""
        self._lines.extend(lines)
        self._bytes += sum(map(len, lines))
        while len(self._lines) > self._lines_max or (self._bytes > self._bytes_max and len(self._lines) > 1):
            self._bytes -= len(self._lines.popleft())
        self.wake()

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._bytes = 0
        self.wake()

    def newest(self, count: int, limit: int) -> list[bytes]:
        """The first `limit` of the last `count` lines."""
        start = len(self._lines) - count
        return [self._lines[at] for at in range(start, min(start + limit, len(self._lines)))]

    async def moved(self) -> None:
        """Wait for `wake`: there are more lines, or the pulse came."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def wake(self) -> None:
        """Let everybody look."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Ring:
    """The last lines of one session. A client is a cursor over it and the journal, never a queue."""

    def __init__(self, store: StoreClient, subscriptions: Subscriptions, sid: str, last_seq: int):
        self.sid = sid
        self._store = store
        self._recent = RecentLines(RING_LINES, RING_BYTES)
        self.last_seq = last_seq
        self.users = 0
        self.wake, self.moved = self._recent.wake, self._recent.moved
        self._subscription: Subscription = subscriptions.follow(sid, last_seq, self._take)

    def _take(self, first: int, lines: list[bytes]) -> None:
        self.last_seq = first + len(lines) - 1
        self._recent.extend(lines)

    async def after(self, seq: int, limit: int) -> list[bytes]:
        """Lines beyond `seq`, at most `limit`; from memory when they are there."""
        missing = self.last_seq - seq
        if missing <= 0:
            return []
        if missing <= len(self._recent):
            return self._recent.newest(missing, limit)
        return await self._store.after(self.sid, seq, limit)

    async def beyond(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is a line beyond `seq`; False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.last_seq <= seq:
                    await self.moved()
        except TimeoutError:
            return False
        return True


class GlobalRing:
    """Lines of all sessions in the order they were published; its cursor is `epoch.n`."""

    def __init__(self, epoch: str):
        self.epoch = epoch
        self._recent = RecentLines(GLOBAL_LINES, GLOBAL_BYTES)
        self.last = 0
        self.wake, self.moved = self._recent.wake, self._recent.moved

    def take(self, lines: list[bytes]) -> None:
        """Lines were published."""
        self.last += len(lines)
        self._recent.extend(lines)

    def lose(self) -> None:
        """Lines of some session were missed: every client has to read again."""
        self.last += 1
        self._recent.clear()

    def after(self, number: int, limit: int) -> list[bytes] | None:
        """Lines beyond `number`; None when they are gone."""
        missing = self.last - number
        if missing < 0 or missing > len(self._recent):
            return None
        return self._recent.newest(missing, limit)
