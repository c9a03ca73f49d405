"""Following sessions: every stored line once, in order, without holes.

Live lines come from the store's publisher; what was missed (before the first look, after a restart, in
a gap) is asked for. One question is in flight a session. A sparse feed does without live deltas
(tokens, output): each message says which line before it was the last that is no delta, so a hole of
deltas alone is told from a loss.
"""

import asyncio
from collections.abc import Callable

import msgspec

from opta_protocol.commands import Beat
from opta_protocol.topics import DELTA_PREFIX, EVENT_PREFIX, HEARTBEAT, STORE_PUB

from ..clock import now_s
from ..errors import OptaError
from ..logs import Log
from .bus import Bus, Frames
from .store_client import StoreClient

PAGE = 5000
RETRY_S = 0.3
# The store beats at least twice a second.
SILENT_S = 1.2

# (seq of the first line, lines without newlines)
OnLines = Callable[[int, list[bytes]], None]

_beat = msgspec.json.Decoder(Beat)
log = Log("feed")


class Subscription:
    """One session from `seq` on. `caught_up` is set once the past is delivered."""

    def __init__(self, store: StoreClient, sid: str, seq: int, on_lines: OnLines, *, is_sparse: bool):
        self._store, self.sid, self.seq, self._on_lines = store, sid, seq, on_lines
        self._is_sparse = is_sparse
        self.caught_up = asyncio.Event()
        self._moved = asyncio.Event()
        self._known_last = 0
        self._catching: asyncio.Task[None] | None = None
        self._lost: OptaError | None = None
        self.catch_up()

    def take(self, first: int, last: int, firm_before: int, lines: list[bytes]) -> None:
        """A published message arrived; `firm_before` is the seq of the last line before it that is no delta."""
        self._known_last = max(self._known_last, last)
        if last <= self.seq:
            return
        is_next = first <= self.seq + 1 or (self._is_sparse and firm_before <= self.seq)
        if not is_next or self._catching is not None:
            self.catch_up()
            return
        self._deliver(first, lines)

    def hear(self, last: int) -> None:
        """The store says how far the session is."""
        self._known_last = max(self._known_last, last)
        if last > self.seq:
            self.catch_up()

    async def reached(self, seq: int, patience_s: float = 0.1) -> None:
        """Wait until line `seq` is delivered: it is expected live, and asked for when it does not come.

        Raises the store's refusal when the session is gone.
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
        """Ask the store for what is missing."""
        if self._catching is None:
            self._catching = asyncio.create_task(self._catch_up(), name=f"feed {self.sid}")

    def close(self) -> None:
        """Stop following."""
        if self._catching is not None:
            self._catching.cancel()

    async def _catch_up(self) -> None:
        try:
            while True:
                try:
                    lines = await self._store.after(self.sid, self.seq, PAGE)
                except OptaError as error:
                    if not error.retryable:
                        log.warning("session cannot be followed", reason=error.message)
                        self._lost = error
                        return
                    await asyncio.sleep(RETRY_S)
                    continue
                if lines:
                    self._deliver(self.seq + 1, lines)
                elif self.seq >= self._known_last:
                    return
                else:
                    # Published and not readable yet: the store is still opening it.
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
    """All followed sessions of a process, over one subscription."""

    def __init__(self, bus: Bus, store: StoreClient, *, is_sparse: bool = False):
        self._store, self._is_sparse = store, is_sparse
        self._subscriptions: dict[str, Subscription] = {}
        self._boot = ""
        self._heard_at = 0.0
        self.on_any: Callable[[str, int, list[bytes]], None] | None = None
        # Called at the first heartbeat of every start of the store.
        self.on_store_start: Callable[[], None] | None = None
        # One socket for all, so that what the store published in an order arrives in it.
        topics = [HEARTBEAT, EVENT_PREFIX] if is_sparse else [HEARTBEAT, EVENT_PREFIX, DELTA_PREFIX]
        bus.subscribe(STORE_PUB, topics, self._on_message)

    def follow(self, sid: str, seq: int, on_lines: OnLines) -> Subscription:
        """Follow a session; one feed a session."""
        subscription = Subscription(self._store, sid, seq, on_lines, is_sparse=self._is_sparse)
        self._subscriptions[sid] = subscription
        return subscription

    def drop(self, sid: str) -> None:
        """Stop following a session."""
        if subscription := self._subscriptions.pop(sid, None):
            subscription.close()

    def _on_message(self, frames: Frames) -> None:
        if frames[0] == HEARTBEAT:
            self._on_heartbeat(frames)
            return
        topic, first, last, firm_before, content = frames
        sid = topic[len(EVENT_PREFIX) :].decode()
        subscription = self._subscriptions.get(sid)
        if subscription is None and self.on_any is None:
            return
        lines = content.split(b"\n")
        if self.on_any is not None:
            self.on_any(sid, int(first), lines)
        if subscription is not None:
            subscription.take(int(first), int(last), int(firm_before), lines)

    def _on_heartbeat(self, frames: Frames) -> None:
        beat, now = _beat.decode(frames[1]), now_s()
        # A new store may have written what its former self never published, and a pause here may have
        # outlived what heartbeats mention: look at every session once.
        if beat.boot != self._boot or now - self._heard_at > SILENT_S:
            for subscription in self._subscriptions.values():
                subscription.catch_up()
        if beat.boot != self._boot and self.on_store_start is not None:
            self.on_store_start()
        self._boot, self._heard_at = beat.boot, now
        for sid, last in (beat.firm if self._is_sparse else beat.last).items():
            if subscription := self._subscriptions.get(sid):
                subscription.hear(last)
