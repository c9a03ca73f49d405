"""Subscriptions to sessions: each stored line is delivered once, in order, without gaps.

Live lines come from the store's publisher. Missed lines (before the subscription, after a restart, in a gap) are queried,
with one query in flight per session. A sparse subscription receives no live deltas (tokens, output). Each message states
the last durable line before it, so that a gap of deltas only is distinguished from a loss.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from opta_protocol.commands import StoreHeartbeat
from opta_protocol.topics import DELTA_PREFIX, EVENT_PREFIX, HEARTBEAT, STORE_PUB

from ..clock import now_s
from ..errors import OptaError
from ..logs import Log
from .bus import Bus, Frames
from .store_client import StoreClient

PAGE = 5000
RETRY_S = 0.3
# A heartbeat may be so much later than the one before it said.
LATE_S = 0.7

# (seq of the first line, lines without newlines)
OnLines = Callable[[int, list[bytes]], None]
# Takes in what is kept of the session, and returns the seq of the last line of it.
Restore = Callable[[], Awaitable[int]]

_beat = msgspec.json.Decoder(StoreHeartbeat)
log = Log("subscription")


class Subscription:
    """One session, after line `seq`. `caught_up` is set when the stored lines are delivered."""

    def __init__(self, store: StoreClient, sid: str, seq: int, on_lines: OnLines, *, is_sparse: bool, restore: Restore | None = None):
        self._store, self.sid, self.seq, self._on_lines = store, sid, seq, on_lines
        self._is_sparse, self._restore = is_sparse, restore
        self.caught_up = asyncio.Event()
        self._moved = asyncio.Event()
        self._known_last = 0
        self._catching: asyncio.Task[None] | None = None
        self._lost: OptaError | None = None
        self.catch_up()

    def take(self, first: int, last: int, durable_before: int, lines: list[bytes]) -> None:
        """Take a published message. `durable_before` is the seq of the last line before it that is not a delta."""
        self._known_last = max(self._known_last, last)
        if last <= self.seq:
            return
        is_next = first <= self.seq + 1 or (self._is_sparse and durable_before <= self.seq)
        if not is_next or self._catching is not None:
            self.catch_up()
            return
        self._deliver(first, lines)

    def note_last_seq(self, last: int) -> None:
        """Note the store's last seq of the session, from a heartbeat."""
        self._known_last = max(self._known_last, last)
        if last > self.seq:
            self.catch_up()

    async def reached(self, seq: int, patience_s: float = 0.1) -> None:
        """Wait until line `seq` is delivered. It is queried when it does not arrive live within `patience_s`.

        Raises the store's OptaError when the session no longer exists.
        """
        if self._catching is None and self.seq < seq:
            self._moved.clear()
            try:
                async with asyncio.timeout(patience_s):
                    while self.seq < seq:
                        await self._moved.wait()
                        self._moved.clear()
            except TimeoutError:
                self.catch_up()
        while self._catching is not None or self.seq < seq:
            self.catch_up()
            self.caught_up.clear()
            await self.caught_up.wait()
            if self._lost is not None:
                raise self._lost

    def catch_up(self) -> None:
        """Query the store for missing lines."""
        if self._catching is None:
            self._catching = asyncio.create_task(self._catch_up(), name=f"subscription {self.sid}")

    def close(self) -> None:
        """End the subscription."""
        if self._catching is not None:
            self._catching.cancel()

    async def _catch_up(self) -> None:
        try:
            if self._restore is not None:
                restore, self._restore = self._restore, None
                self.seq = max(self.seq, await restore())
            while True:
                try:
                    lines = await self._store.after(self.sid, self.seq, PAGE)
                except OptaError as error:
                    if not error.retryable:
                        log.warning("session cannot be read", reason=error.message)
                        self._lost = error
                        return
                    await asyncio.sleep(RETRY_S)
                    continue
                if lines:
                    self._deliver(self.seq + 1, lines)
                elif self.seq >= self._known_last:
                    return
                else:
                    # The line is published and cannot be read yet: the store is still opening the session.
                    await asyncio.sleep(0.01)
        finally:
            self._catching = None
            self.caught_up.set()

    def _deliver(self, first: int, lines: list[bytes]) -> None:
        lines = lines[max(0, self.seq + 1 - first) :]
        if lines:
            first = max(first, self.seq + 1)
            self.seq = first + len(lines) - 1
            self._on_lines(first, lines)
            self._moved.set()


class Subscriptions:
    """All session subscriptions of a process, over one socket."""

    def __init__(self, bus: Bus, store: StoreClient, *, is_sparse: bool = False):
        self._store, self._is_sparse = store, is_sparse
        self._subscriptions: dict[str, Subscription] = {}
        self._boot = ""
        self._heard_at, self._next_s = 0.0, 0.0
        self.on_any: Callable[[str, int, list[bytes]], None] | None = None
        # Called at the first heartbeat of every start of the store.
        self.on_store_start: Callable[[], None] | None = None
        # One socket for all topics keeps the order in which the store published.
        topics = [HEARTBEAT, EVENT_PREFIX] if is_sparse else [HEARTBEAT, EVENT_PREFIX, DELTA_PREFIX]
        bus.subscribe(STORE_PUB, topics, self._on_message)

    def follow(self, sid: str, seq: int, on_lines: OnLines, restore: Restore | None = None) -> Subscription:
        """Subscribe to a session after line `seq`, or after the line that `restore` returns. A process has at most one subscription per session."""
        subscription = Subscription(self._store, sid, seq, on_lines, is_sparse=self._is_sparse, restore=restore)
        self._subscriptions[sid] = subscription
        return subscription

    def drop(self, sid: str) -> None:
        """End the subscription to a session."""
        if subscription := self._subscriptions.pop(sid, None):
            subscription.close()

    def _on_message(self, frames: Frames) -> None:
        if frames[0] == HEARTBEAT:
            self._on_heartbeat(frames)
            return
        topic, first, last, durable_before, content = frames
        sid = topic[len(EVENT_PREFIX) :].decode()
        subscription = self._subscriptions.get(sid)
        if subscription is None and self.on_any is None:
            return
        lines = content.split(b"\n")
        if self.on_any is not None:
            self.on_any(sid, int(first), lines)
        if subscription is not None:
            subscription.take(int(first), int(last), int(durable_before), lines)

    def _on_heartbeat(self, frames: Frames) -> None:
        beat, now = _beat.decode(frames[1]), now_s()
        # A restarted store may have written lines that were never published, and heartbeats mention only recently
        # active sessions: after a restart or a long pause, check every session once.
        if beat.boot != self._boot or now - self._heard_at > self._next_s + LATE_S:
            for subscription in self._subscriptions.values():
                subscription.catch_up()
        if beat.boot != self._boot and self.on_store_start is not None:
            self.on_store_start()
        self._boot, self._heard_at, self._next_s = beat.boot, now, beat.next_s
        for sid, last in (beat.durable if self._is_sparse else beat.last).items():
            if subscription := self._subscriptions.get(sid):
                subscription.note_last_seq(last)
