"""The gateway's requests to the tool worker: undo a turn's changes, list the tools of a folder's MCP servers."""

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_core.errors import Unavailable
from opta_protocol.commands import EndSession, EndTurn, ForkFiles, ListTools, ToolList, ToolReply, Undone, UndoTurn
from opta_protocol.event_parts import Change
from opta_protocol.topics import TOOLS_RPC

UNDO_S = 10.0
# Starting an MCP server can take this long; the worker answers before it is given up.
LIST_S, START_S = 40.0, 30.0

_tool_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode


class WorkerClient:
    """Owns a DEALER to the tool worker."""

    def __init__(self, bus: Bus):
        self._tools = bus.dealer(TOOLS_RPC, self._on_reply)
        self._undoing: Requests[Undone] = Requests()
        self._listing: Requests[ToolList] = Requests()

    async def undo(self, sid: str, cwd: str, changes: list[Change]) -> Undone:
        """Put files back as they were before `changes`. Raises Unavailable when the tool worker does not answer."""
        id_ = self._undoing.next_id()
        order = [_encode(UndoTurn(id=id_, sid=sid, cwd=cwd, changes=changes))]
        try:
            return await self._undoing.ask(id_, lambda: self._tools.send(order), UNDO_S)
        except TimeoutError:
            raise Unavailable("The tool worker does not answer; try again, or look: opta daemon status.") from None

    def end_session(self, sid: str) -> None:
        """End the background commands of a session. Those of a worker that is gone have ended."""
        self._tools.send([_encode(EndSession(sid=sid))])

    def fork_files(self, sid: str, new: str) -> None:
        """Give the new session what the worker keeps for the other one. Without it, the fork cannot read long results on."""
        self._tools.send([_encode(ForkFiles(sid=sid, new=new))])

    async def mcp_tools(self, cwd: str) -> ToolList:
        """Start the MCP servers of a folder and list their tools. Raises Unavailable when the tool worker does not answer."""
        turn = f"look{self._listing.next_id()}"
        try:
            return await self._listing.ask(
                turn, lambda: self._tools.send([_encode(ListTools(sid="", turn=turn, cwd=cwd, waitS=START_S))]), LIST_S
            )
        except TimeoutError:
            raise Unavailable("The MCP servers did not list their tools in time.") from None
        finally:
            self._tools.send([_encode(EndTurn(sid="", turn=turn))])

    def _on_reply(self, frames: Frames) -> None:
        reply = _tool_reply.decode(frames[0])
        if isinstance(reply, ToolList):
            self._listing.resolve(reply.turn, reply)
        elif isinstance(reply, Undone):
            self._undoing.resolve(reply.id, reply)
