"""The gateway's requests to the agent: what a model sees of a session, and a sign of life."""

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_core.errors import Unavailable
from opta_protocol.commands import AgentPing, AgentPong, AgentReply, ContextShown, ShowContext
from opta_protocol.http_context import SessionContext
from opta_protocol.topics import AGENT_RPC

# A restart of the agent takes about a second.
SHOW_S, AGAIN_S = 6.0, 1.0
PING_AGAIN_S = 0.5

_reply: msgspec.json.Decoder[ContextShown | AgentPong] = msgspec.json.Decoder(AgentReply)
_encode = msgspec.json.Encoder().encode


class AgentClient:
    """Owns a DEALER to the agent."""

    def __init__(self, bus: Bus):
        self._agent = bus.dealer(AGENT_RPC, self._on_reply)
        self._asked: Requests[ContextShown] = Requests()
        self._pings: Requests[AgentPong] = Requests()

    async def context(self, sid: str, seq: int) -> SessionContext:
        """What a model sees of a session as of `seq`. Raises Unavailable when the agent does not answer, or cannot read the session."""
        id_ = self._asked.next_id()
        order = [_encode(ShowContext(id=id_, sid=sid, seq=seq))]
        try:
            shown = await self._asked.ask(id_, lambda: self._agent.send(order), SHOW_S, AGAIN_S)
        except TimeoutError:
            raise Unavailable("The agent does not answer; try again, or look: opta daemon status.") from None
        if shown.context is None:
            raise Unavailable(f"The agent cannot read s-{sid}: {shown.problem}")
        return shown.context

    async def ping(self, timeout_s: float) -> AgentPong:
        """A sign of life. Raises TimeoutError."""
        id_ = self._pings.next_id()
        order = [_encode(AgentPing(id=id_))]
        return await self._pings.ask(id_, lambda: self._agent.send(order), timeout_s, PING_AGAIN_S)

    def _on_reply(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        if isinstance(reply, AgentPong):
            self._pings.resolve(reply.id, reply)
        else:
            self._asked.resolve(reply.id, reply)
