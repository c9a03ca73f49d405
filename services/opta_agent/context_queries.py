"""The agent's answers to `agent.rpc`: what a model sees of a session, and a sign of life."""

from collections.abc import Awaitable, Callable

import msgspec

from opta_core.background import Background
from opta_core.bus.bus import Bus, Frames
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_protocol.commands import AgentCommand, AgentPing, AgentPong, ContextShown, ShowContext
from opta_protocol.topics import AGENT_RPC

from .context_view import context_of
from .router import Routes
from .session import AgentSession
from .toolset import Offered

_command: msgspec.json.Decoder[ShowContext | AgentPing] = msgspec.json.Decoder(AgentCommand)
_encode = msgspec.json.Encoder().encode
log = Log("context")


class ContextQueries:
    """`session_at` folds a session up to a seq; `offered` gives the tools that its last turn was offered; `running` counts turns."""

    def __init__(
        self,
        bus: Bus,
        boot: str,
        session_at: Callable[[str, int], Awaitable[AgentSession]],
        offered: Callable[[AgentSession], Offered],
        router: Routes,
        running: Callable[[], int],
    ):
        self._boot, self._running = boot, running
        self._session_at, self._offered, self._routes = session_at, offered, router
        self._asked = Background()
        self._router = bus.router(AGENT_RPC, self._on_command)

    async def close(self) -> None:
        """Give up what is still asked."""
        await self._asked.close()

    def _on_command(self, peer: bytes, frames: Frames) -> None:
        try:
            asked = _command.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable command", reason=error)
            return
        if isinstance(asked, AgentPing):
            self._router.send(peer, [_encode(AgentPong(id=asked.id, boot=self._boot, running=self._running()))])
            return
        self._asked.start(self._answer(peer, asked), f"context of {asked.sid}")

    async def _answer(self, peer: bytes, asked: ShowContext) -> None:
        try:
            session = await self._session_at(asked.sid, asked.seq)
            turns, problem, route = session.transcript.turns, "", None
            try:
                route = await self._routes.route((turns[-1].model if turns else "") or session.transcript.model)
            except OptaError as error:
                problem = error.message
            shown = ContextShown(id=asked.id, context=context_of(session, self._offered(session), route, problem))
        except OptaError as error:
            shown = ContextShown(id=asked.id, problem=error.message)
        self._router.send(peer, [_encode(shown)])
