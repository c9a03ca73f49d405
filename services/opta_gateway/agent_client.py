"""The gateway's requests to the agent: what a model sees of a session."""

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_core.errors import Unavailable
from opta_protocol.commands import ContextShown, ShowContext
from opta_protocol.http_context import SessionContext
from opta_protocol.topics import AGENT_RPC

# A restart of the agent takes about a second.
SHOW_S, AGAIN_S = 6.0, 1.0

_reply = msgspec.json.Decoder(ContextShown)
_encode = msgspec.json.Encoder().encode


class AgentClient:
    """Owns a DEALER to the agent."""

    def __init__(self, bus: Bus):
        self._agent = bus.dealer(AGENT_RPC, self._on_reply)
        self._asked: Requests[ContextShown] = Requests()

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

    def _on_reply(self, frames: Frames) -> None:
        shown = _reply.decode(frames[0])
        self._asked.resolve(shown.id, shown)
