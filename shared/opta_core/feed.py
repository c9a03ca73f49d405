"""Following sessions: every stored line once, in order, without holes.

Live lines come from the store's publisher; what was missed (before the first look, after a restart, in
a gap) is asked for. One question is in flight a session.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec

from opta_protocol.topics import EVENT_PREFIX, HEARTBEAT, STORE_PUB

from .bus import Bus, Frames
from .errors import OptaError
from .logs import Log
from .store_client import StoreClient

PAGE = 5000
RETRY_S = 0.3
# The store beats at least twice a second.
SILENT_S = 1.2

# (seq of the first line, lines without newlines)
OnLines = Callable[[int, list[bytes]], None]

log = Log("feed")


class _Beat(msgspec.Struct):
    boot: str
    last: dict[str, int]


_beat = msgspec.json.Decoder(_Beat)


class Feed:
    """One session from `seq` on. `caught_up` is set once the past is delivered."""

    def __init__(self, store: StoreClient, sid: str, seq: int, on_lines: OnLines):
        self._store, self.sid, self.seq, self._on_lines = store, sid, seq, on_lines
        self.caught_up = asyncio.Event()
        self._known_last = 0
        self._catching: asyncio.Task[None] | None = None
        self.catch_up()

    def take(self, first: int, last: int, content: bytes) -> None:
        """A published message arrived."""
        self._known_last = max(self._known_last, last)
        if last <= self.seq:
            return
        if first > self.seq + 1 or self._catching is not None:
            self.catch_up()
            return
        self._deliver(first, content.split(b"\n"))

    def hear(self, last: int) -> None:
        """The store says how far the session is."""
        self._known_last = max(self._known_last, last)
        if last > self.seq:
            self.catch_up()

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
            first, self.seq = self.seq + 1, self.seq + len(lines)
            self._on_lines(first, lines)


class Feeds:
    """All followed sessions of a process, over one subscription."""

    def __init__(self, bus: Bus, store: StoreClient):
        self._store = store
        self._feeds: dict[str, Feed] = {}
        self._boot = ""
        self._heard_at = 0.0
        self.on_any: Callable[[str, int, list[bytes]], None] | None = None
        bus.subscribe(STORE_PUB, EVENT_PREFIX, self._on_event)
        bus.subscribe(STORE_PUB, HEARTBEAT, self._on_heartbeat)

    def follow(self, sid: str, seq: int, on_lines: OnLines) -> Feed:
        """Follow a session; one feed a session."""
        feed = Feed(self._store, sid, seq, on_lines)
        self._feeds[sid] = feed
        return feed

    def drop(self, sid: str) -> None:
        """Stop following a session."""
        if feed := self._feeds.pop(sid, None):
            feed.close()

    def _on_event(self, frames: Frames) -> None:
        sid = frames[0][len(EVENT_PREFIX) :].decode()
        if self.on_any is not None:
            self.on_any(sid, int(frames[1]), frames[3].split(b"\n"))
        feed = self._feeds.get(sid)
        if feed is not None:
            feed.take(int(frames[1]), int(frames[2]), frames[3])

    def _on_heartbeat(self, frames: Frames) -> None:
        beat, now = _beat.decode(frames[1]), time.monotonic()
        # A new store may have written what its former self never published, and a pause here may have
        # outlived what heartbeats mention: look at every session once.
        if beat.boot != self._boot or now - self._heard_at > SILENT_S:
            for feed in self._feeds.values():
                feed.catch_up()
        self._boot, self._heard_at = beat.boot, now
        for sid, last in beat.last.items():
            if feed := self._feeds.get(sid):
                feed.hear(last)
