"""The gateway's side of the bus: what it asks the store, what it appends, what it hears from every process.

Holds no session state but rings of recent lines.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Any

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.outbox import Outbox
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscriptions
from opta_core.clock import now_s
from opta_core.errors import Unavailable, from_info
from opta_core.transcript import Transcript, fold
from opta_protocol import wire
from opta_protocol.commands import AppendResult, EndTurn, ListTools, Telemetry, ToolList, ToolReply, Undone, UndoTurn
from opta_protocol.events import Change, Event
from opta_protocol.http import Session
from opta_protocol.topics import DAEMON_SERVICES, SERVICES, TOOLS_RPC, telemetry

from .recent_lines import GlobalRing, Ring

# Sessions that somebody watches, and a few that somebody may come back to.
RINGS_MAX, RINGS_UNUSED_MAX = 256, 16
PING_S = 5.0
# What a client has not taken within this is a broken connection.
SEND_S = 60.0
# A process whose telemetry is older than this does not count as ready.
STALE_S = 4.5
RATE_WINDOW_S = 2.0

# Lines that are folded at once: a few milliseconds.
FOLDED_HERE_MAX = 1000
UNDO_S = 10.0
LIST_S = 40.0

_telemetry = msgspec.json.Decoder(Telemetry)
_tool_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode


class Sender:
    """One live stream that is being written. `over` ends it: this process leaves, or the client takes nothing any more."""

    def __init__(self) -> None:
        self.since = 0.0  # when the write that is under way began; 0 when none is
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, reason: str) -> None:
        """End the stream."""
        if not self.over.done():
            self.over.set_result(reason)


class Backend:
    """Everything the routes need."""

    def __init__(self, bus: Bus, boot: str):
        self.store = StoreClient(bus)
        self.outbox = Outbox(bus, "gateway", boot)
        self.everything = GlobalRing(boot)
        self._subscriptions = Subscriptions(bus, self.store)
        self._subscriptions.on_any = self._on_any
        self._rings: OrderedDict[str, Ring] = OrderedDict()
        self._telemetry: dict[str, tuple[float, Telemetry]] = {}
        self._last_seqs: dict[str, int] = {}
        self._deltas: deque[tuple[float, int]] = deque()
        self.senders: set[Sender] = set()
        self._pulse = asyncio.create_task(self._pulse_forever(), name="pulse")
        self._tools = bus.dealer(TOOLS_RPC, self._on_tools)
        self._undoing: dict[int, asyncio.Future[Undone]] = {}
        self._listing: dict[str, asyncio.Future[ToolList]] = {}
        self._asked = 0
        for service in SERVICES:
            bus.subscribe(telemetry(service), [service.encode()], self._on_telemetry)

    def close(self) -> None:
        """This process leaves: streams end, and clients resume at the next one."""
        self._pulse.cancel()
        for sender in self.senders:
            sender.end("leaving")

    async def _pulse_forever(self) -> None:
        # One clock for all streams: a timer each, set and cleared with every token, would cost more than the token.
        while True:
            await asyncio.sleep(PING_S)
            now = now_s()
            for sender in self.senders:
                if sender.since and now - sender.since > SEND_S:
                    sender.end("slow")
            for ring in [self.everything, *self._rings.values()]:
                ring.wake()

    async def session(self, name: str) -> Session:
        """A session by id or prefix. Raises not_found."""
        return await self.store.session(name)

    async def transcript(self, sid: str, up_to: int | None = None) -> Transcript:
        """A session folded, as of line `up_to`. A long one takes seconds, so a thread does it, and streams go on meanwhile."""
        lines = (await self.store.all_after(sid, 0))[:up_to]
        if len(lines) <= FOLDED_HERE_MAX:
            return fold(map(wire.decode, lines))
        return await asyncio.to_thread(lambda: fold(map(wire.decode, lines)))

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
            ring = self._rings[session.id] = Ring(self.store, self._subscriptions, session.id, session.lastSeq)
            unused = [sid for sid, known in self._rings.items() if not known.users and known is not ring]
            for sid in unused[: max(0, len(unused) - RINGS_UNUSED_MAX, min(len(unused), len(self._rings) - RINGS_MAX))]:
                del self._rings[sid]
                self._subscriptions.drop(sid)
        self._rings.move_to_end(session.id)
        return ring

    async def undo(self, sid: str, cwd: str, changes: list[Change]) -> Undone:
        """Have the tool-worker put files back. Raises Unavailable when it does not answer."""
        self._asked += 1
        number = self._asked
        self._undoing[number] = asyncio.get_running_loop().create_future()
        try:
            self._tools.send([_encode(UndoTurn(id=number, sid=sid, cwd=cwd, changes=changes))])
            async with asyncio.timeout(UNDO_S):
                return await self._undoing[number]
        except TimeoutError:
            raise Unavailable("The tool worker does not answer; try again, or look: opta daemon status.") from None
        finally:
            del self._undoing[number]

    async def tools(self, cwd: str) -> ToolList:
        """What the MCP servers of a folder offer now. Raises Unavailable when the tool-worker does not answer."""
        self._asked += 1
        name = f"look{self._asked}"
        self._listing[name] = asyncio.get_running_loop().create_future()
        try:
            self._tools.send([_encode(ListTools(sid="", turn=name, cwd=cwd))])
            async with asyncio.timeout(LIST_S):
                return await self._listing[name]
        except TimeoutError:
            raise Unavailable("The MCP servers did not tell their tools in time.") from None
        finally:
            del self._listing[name]
            self._tools.send([_encode(EndTurn(sid="", turn=name))])

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
            now = now_s()
            while self._deltas and now - self._deltas[0][0] > RATE_WINDOW_S:
                self._deltas.popleft()
            self._deltas.append((now, deltas))

    def _on_tools(self, frames: Frames) -> None:
        reply = _tool_reply.decode(frames[0])
        if isinstance(reply, ToolList) and (listing := self._listing.get(reply.turn)) is not None and not listing.done():
            listing.set_result(reply)
        if isinstance(reply, Undone) and (waiting := self._undoing.get(reply.id)) is not None and not waiting.done():
            waiting.set_result(reply)

    def _on_telemetry(self, frames: Frames) -> None:
        report = _telemetry.decode(frames[1])
        self._telemetry[report.service] = (now_s(), report)
