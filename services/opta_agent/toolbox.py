"""The agent's hands: has a call run by the tool-worker, and notices when the worker is gone.

The result is read from the session itself, where the worker wrote it; what the worker says over rpc
only tells whether it is still at it.
"""

import asyncio
from collections.abc import Callable

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.outbox import Outbox
from opta_core.bus.requests import Requests
from opta_core.clock import now_s
from opta_core.logs import Log
from opta_protocol.commands import (
    CancelTool,
    EndSession,
    EndTurn,
    ListTools,
    Preview,
    PreviewTool,
    RunTool,
    ToolList,
    ToolReply,
    ToolsHello,
    ToolsState,
)
from opta_protocol.events import ToolCall, ToolResult
from opta_protocol.tools import declared
from opta_protocol.tools.tool import AnyTool
from opta_protocol.topics import TOOLS_RPC

from .gate import Permit
from .session import AgentSession
from .toolset import DEPTH_MAX, Offered, tools_at

_ASK_S = 0.25
# Nothing heard for this long: the worker is gone.
_SILENT_S = 1.7
LIST_S = 25.0
PREVIEW_S, PREVIEW_TRIES = 2.0, 3
# A call that no worker has begun is given to the next one for so long.
NEVER_BEGUN_S = 15.0
# Sessions whose last tools are remembered, to be shown.
LAST_OFFERED_MAX = 64

_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode
log = Log("toolbox")


class WorkerToolbox:
    """The agent's side of `tools.rpc`. `has_servers`: whether any MCP server may be configured now; without it, what the worker said."""

    def __init__(self, bus: Bus, outbox: Outbox, has_servers: Callable[[], bool] | None = None):
        self._outbox, self._has_servers = outbox, has_servers
        self._dealer = bus.dealer(TOOLS_RPC, self._on_reply)
        self._state: ToolsState | None = None
        self._heard_at = 0.0
        self._answers = 0
        # What is offered without any MCP server, the same for every turn of such a depth.
        self._declared = [Offered(tools=tools_at(depth)) for depth in range(DEPTH_MAX + 1)]
        self._offered: dict[tuple[str, str], Offered] = {}
        self._last_offered: dict[str, Offered] = {}
        # The turns for which servers were asked: they may hold something for a turn until it ends.
        self._with_servers: set[tuple[str, str]] = set()
        self._listing: Requests[ToolList] = Requests()
        self._previewing: Requests[Preview] = Requests()

    async def run(self, session: AgentSession, call: ToolCall, permit: Permit | None = None) -> ToolResult:
        """Run a call as permitted, to its end. Without a permit it was started for a former agent, and is only waited for."""
        permitted = permit or Permit(True)
        order = RunTool(
            callId=call.callId,
            sid=call.sid,
            turn=call.turn,
            name=call.name,
            args=call.args,
            cwd=session.transcript.cwd,
            folder=session.transcript.folder,
            plan=permitted.plan,
            network=permitted.network,
            expects=permitted.expects,
            schema=permitted.schema,
        )
        if permit is not None:
            # The journal shows the call and its decision before anything of the tool itself.
            while (known := session.call(call.turn, call.callId)) is None or known.state in ("called", "asking"):
                await session.changed(0.2)
            self._dealer.send([_encode(order)])
        try:
            given_up_at = now_s() + NEVER_BEGUN_S
            while (result := await self._watch(session, call)) is None:
                known = session.call(call.turn, call.callId)
                if permit is None or known is None or known.state != "allowed" or now_s() > given_up_at:
                    break
                # Nobody has begun it, and the store lets it begin once: the worker that comes next is asked anew.
                self._dealer.send([_encode(order)])
        except asyncio.CancelledError:
            self._dealer.send([_encode(CancelTool(callId=call.callId))])
            raise
        return result or await self._worker_lost(session, call)

    async def is_running(self, call_id: str) -> bool | None:
        """Whether the worker runs that call; None when it does not answer."""
        before = self._answers
        for _ in range(8):
            self._dealer.send([_encode(ToolsHello())])
            await asyncio.sleep(_ASK_S)
            if self._answers > before and self._state is not None:
                return call_id in self._state.running
        return None

    async def offered(self, session: AgentSession, turn_id: str) -> Offered:
        """The tools of a turn; MCP servers are asked for theirs only where there may be some."""
        key = (session.sid, turn_id)
        if key not in self._offered:
            await self.sandbox()
            listed: ToolList | None = None
            if self._may_have_servers():
                self._with_servers.add(key)
                listed = await self._list(session, turn_id)
            self._offered[key] = self._last_offered[session.sid] = self._with(session, listed)
            while len(self._last_offered) > LAST_OFFERED_MAX:
                del self._last_offered[next(iter(self._last_offered))]
        return self._offered[key]

    def last_offered(self, session: AgentSession) -> Offered:
        """The tools of the last turn of a session; the declared ones, when this agent has run none."""
        return self._last_offered.get(session.sid) or self._with(session, None)

    def _with(self, session: AgentSession, listed: ToolList | None) -> Offered:
        depth = min(session.transcript.depth, DEPTH_MAX)
        return self._declared[depth] if listed is None else Offered(listed, tools_at(depth))

    def tool(self, sid: str, turn_id: str, name: str) -> AnyTool | None:
        """A tool by the name a turn knows it by; before the turn has its tools, only one of our own."""
        offered = self._offered.get((sid, turn_id))
        if offered is not None:
            return offered.get(name)
        known = declared.find(name)
        return known if known is not None and known.offered == "always" else None

    def end(self, sid: str, turn_id: str) -> None:
        """A turn is over."""
        self._offered.pop((sid, turn_id), None)
        if (sid, turn_id) in self._with_servers:
            self._with_servers.discard((sid, turn_id))
            self._dealer.send([_encode(EndTurn(sid=sid, turn=turn_id))])

    def end_session(self, sid: str) -> None:
        """Nobody works in a session any more: its background commands end."""
        self._dealer.send([_encode(EndSession(sid=sid))])

    def _may_have_servers(self) -> bool:
        # Asked anew for each turn: servers are added while the daemon runs.
        if self._has_servers is not None:
            return self._state is not None and self._has_servers()
        return self._state is not None and self._state.servers

    async def _list(self, session: AgentSession, turn_id: str) -> ToolList:
        order = [_encode(ListTools(sid=session.sid, turn=turn_id, cwd=session.transcript.cwd))]
        try:
            return await self._listing.ask((session.sid, turn_id), lambda: self._dealer.send(order), LIST_S)
        except TimeoutError:
            return ToolList(
                sid=session.sid, turn=turn_id, problems=["the MCP servers did not list their tools in time; this turn goes on without them"]
            )

    async def preview(self, session: AgentSession, call: ToolCall) -> Preview:
        """What a call would do; without a worker that answers, a preview that says so."""
        asked = PreviewTool(
            callId=call.callId,
            name=call.name,
            args=call.args,
            cwd=session.transcript.cwd,
            folder=session.transcript.folder,
            sid=session.sid,
        )
        order = [_encode(asked)]
        try:
            return await self._previewing.ask(call.callId, lambda: self._dealer.send(order), PREVIEW_TRIES * PREVIEW_S, PREVIEW_S)
        except TimeoutError:
            problem = f"the tool worker does not answer, so nobody can be shown what {call.name} would do; it was not run, try it again"
            return Preview(callId=call.callId, problem=problem, code="unavailable")

    async def sandbox(self) -> str:
        """What contains the worker's commands: asked for once, and again when another worker has come."""
        for _ in range(8):
            if self._state is not None:
                return self._state.sandbox
            self._dealer.send([_encode(ToolsHello())])
            await asyncio.sleep(0.02 if self._answers == 0 else _ASK_S)
        return "none"

    async def _watch(self, session: AgentSession, call: ToolCall) -> ToolResult | None:
        """The result, or None when the worker that ran the call is gone."""
        # Counted for this call alone: a call that begins says nothing about the worker, and must not make the others wait longer.
        started_at, missing = now_s(), 0
        answers = self._answers
        while True:
            if result := session.result(call.callId):
                return result
            await session.changed(_ASK_S)
            if result := session.result(call.callId):
                return result
            now = now_s()
            if self._answers > answers and self._state is not None:
                answers = self._answers
                missing = 0 if call.callId in self._state.running else missing + 1
                # Two answers in a row without it: ended or lost; an ending would be in the session by now.
                if missing >= 3:
                    return None
            elif now - max(self._heard_at, started_at) > _SILENT_S:
                return None
            self._dealer.send([_encode(ToolsHello())])

    async def _worker_lost(self, session: AgentSession, call: ToolCall) -> ToolResult:
        log.warning("tool worker lost", call=call.callId, tool=call.name)
        lost = ToolResult(
            sid=call.sid,
            turn=call.turn,
            callId=call.callId,
            ok=False,
            code="worker_lost",
            content=f"Error: the tool worker was lost while {call.name} ran; whether it took effect is unknown. Check before you repeat it.",
        )
        await self._outbox.written(lost)
        self._dealer.send([_encode(CancelTool(callId=call.callId))])
        # If the worker's own result was first, that one is the truth.
        while (result := session.result(call.callId)) is None:
            await session.changed(0.5)
        return result

    def _on_reply(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        if isinstance(reply, ToolList):
            self._listing.resolve((reply.sid, reply.turn), reply)
        elif isinstance(reply, Preview):
            self._previewing.resolve(reply.callId, reply)
        elif isinstance(reply, ToolsState):
            self._state, self._heard_at = reply, now_s()
            self._answers += 1
