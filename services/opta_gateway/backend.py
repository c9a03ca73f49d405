"""The gateway's side of the bus: what it asks the store, what it appends, what it hears from every process.

Holds no session state but rings of recent lines, which the journal can replace at any time.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Any

import msgspec

from opta_core.bus import Bus, Frames
from opta_core.clock import now_s
from opta_core.errors import Unavailable, from_info
from opta_core.feed import Feed, Feeds
from opta_core.outbox import Outbox
from opta_core.store_client import StoreClient
from opta_protocol.commands import AppendResult, Telemetry
from opta_protocol.events import Event
from opta_protocol.http import Session
from opta_protocol.topics import DAEMON_SERVICES, SERVICES, telemetry

RING_LINES = 4096
RINGS_MAX = 256
GLOBAL_LINES = 16384
# A process whose telemetry is older than this does not count as ready.
STALE_S = 2.5
RATE_WINDOW_S = 2.0

_telemetry = msgspec.json.Decoder(Telemetry)


class Ring:
    """The last lines of one session. A client is a cursor over it and the journal, never a queue."""

    def __init__(self, store: StoreClient, feeds: Feeds, sid: str, last_seq: int):
        self.sid = sid
        self._store = store
        self._lines: deque[bytes] = deque(maxlen=RING_LINES)
        self.last_seq = last_seq
        self.users = 0
        self._grown = asyncio.Event()
        self._feed: Feed = feeds.follow(sid, last_seq, self._take)

    def _take(self, first: int, lines: list[bytes]) -> None:
        self._lines.extend(lines)
        self.last_seq = first + len(lines) - 1
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def after(self, seq: int, limit: int) -> list[bytes]:
        """Lines beyond `seq`, at most `limit`; from memory when they are there."""
        missing = self.last_seq - seq
        if missing <= 0:
            return []
        if missing <= len(self._lines):
            start = len(self._lines) - missing
            return [self._lines[at] for at in range(start, min(start + limit, len(self._lines)))]
        return await self._store.after(self.sid, seq, limit)

    async def beyond(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is a line beyond `seq`; False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.last_seq <= seq:
                    await self._grown.wait()
        except TimeoutError:
            return False
        return True


class GlobalRing:
    """Lines of all sessions in the order they were published; its cursor is `epoch.n`."""

    def __init__(self, epoch: str):
        self.epoch = epoch
        self._lines: deque[bytes] = deque(maxlen=GLOBAL_LINES)
        self.last = 0
        self._grown = asyncio.Event()

    def take(self, lines: list[bytes]) -> None:
        """Lines were published."""
        self._lines.extend(lines)
        self.last += len(lines)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def lose(self) -> None:
        """Lines of some session were missed: every client is told to look anew."""
        self._lines.clear()
        self.last += 1
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def after(self, number: int, limit: int) -> list[bytes] | None:
        """Lines beyond `number`; None when they are gone."""
        missing = self.last - number
        if missing < 0 or missing > len(self._lines):
            return None
        start = len(self._lines) - missing
        return [self._lines[at] for at in range(start, min(start + limit, len(self._lines)))]

    async def beyond(self, number: int, timeout_s: float) -> bool:
        """Wait until there is a line beyond `number`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.last <= number:
                    await self._grown.wait()
        except TimeoutError:
            return False
        return True


class Backend:
    """Everything the routes need."""

    def __init__(self, bus: Bus, boot: str):
        self.store = StoreClient(bus)
        self.outbox = Outbox(bus, "gateway", boot)
        self.everything = GlobalRing(boot)
        self._feeds = Feeds(bus, self.store)
        self._feeds.on_any = self._on_any
        self._rings: OrderedDict[str, Ring] = OrderedDict()
        self._telemetry: dict[str, tuple[float, Telemetry]] = {}
        self._last_seqs: dict[str, int] = {}
        self._deltas: deque[tuple[float, int]] = deque()
        self.streams = 0
        # Set when this process leaves: streams end, and clients resume at the next one.
        self.closing = asyncio.Event()
        for service in SERVICES:
            bus.subscribe(telemetry(service), [service.encode()], self._on_telemetry)

    async def session(self, name: str) -> Session:
        """A session by id or prefix. Raises not_found."""
        return await self.store.session(name)

    async def append(self, event: Event, timeout_s: float = 10.0) -> AppendResult:
        """Have an event stored; raises what the store refused it with."""
        result = await self.outbox.written(event, timeout_s)
        if result.error is not None:
            raise from_info(result.error)
        if result.status == "fenced":
            raise Unavailable("The turn ended meanwhile.", retryable=False)
        return result

    async def ring(self, session: Session) -> Ring:
        """The ring of a session, followed from now on."""
        ring = self._rings.get(session.id)
        if ring is None:
            ring = self._rings[session.id] = Ring(self.store, self._feeds, session.id, session.lastSeq)
            while len(self._rings) > RINGS_MAX:
                unused = next((sid for sid, known in self._rings.items() if not known.users and known is not ring), None)
                if unused is None:
                    break
                del self._rings[unused]
                self._feeds.drop(unused)
        self._rings.move_to_end(session.id)
        return ring

    def report(self, service: str) -> Telemetry | None:
        """What a process said last, if that is fresh."""
        at, report = self._telemetry.get(service, (0.0, None))
        return report if report and now_s() - at < STALE_S else None

    def not_ready(self) -> dict[str, str]:
        """Services of the daemon that do not do their work, and why."""
        reasons: dict[str, str] = {}
        for service in DAEMON_SERVICES:
            report = self.report(service)
            if report is None:
                reasons[service] = "not running"
            elif not report.ready:
                reasons[service] = report.reason
        return reasons

    def tokens_per_s(self) -> float:
        """Answer pieces of all sessions a second, over the last two."""
        now = now_s()
        while self._deltas and now - self._deltas[0][0] > RATE_WINDOW_S:
            self._deltas.popleft()
        return round(sum(count for _, count in self._deltas) / RATE_WINDOW_S, 1)

    def figures(self, service: str) -> dict[str, Any]:
        """A process's own figures."""
        report = self.report(service)
        return report.figures if report else {}

    def _on_any(self, sid: str, first: int, lines: list[bytes]) -> None:
        if first > self._last_seqs.get(sid, first - 1) + 1:
            self.everything.lose()
        self._last_seqs[sid] = first + len(lines) - 1
        self.everything.take(lines)
        if deltas := sum(b'"event":"turn.token"' in line[:60] for line in lines):
            self._deltas.append((now_s(), deltas))

    def _on_telemetry(self, frames: Frames) -> None:
        report = _telemetry.decode(frames[1])
        self._telemetry[report.service] = (now_s(), report)
