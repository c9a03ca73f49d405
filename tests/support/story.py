"""A turn without socket or process: a scripted provider, and a story that plays store, gate and toolbox."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from opta_agent.gate import Permit
from opta_agent.loop import run_turn
from opta_agent.model_options import ModelOptions
from opta_agent.providers.base import ModelRequest, Part, Provider
from opta_agent.router import Route
from opta_agent.session import AgentSession
from opta_agent.toolset import Offered
from opta_agent.turn_run import Collaborators, TurnLimits
from opta_core.errors import OptaError
from opta_core.transcript import Turn
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode

from .events import TS
from .typed import as_typed

SID, TURN = "abcdef", "t1"


class Scripted:
    """Plays one script a call; an exception in a script is raised at that point."""

    name, host = "scripted", "nowhere"

    def __init__(self, *scripts: Sequence[Part | OptaError]):
        self._scripts = list(scripts)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        self.requests.append(request)
        for part in self._scripts.pop(0):
            if isinstance(part, OptaError):
                raise part
            yield [part]


class Story:
    """Emitted events come back as stored lines, as they would from the store."""

    def __init__(self, cwd: str = "/w", model: str = "") -> None:
        self.session = AgentSession(SID, "test.boot")
        self.session.speaks_after(0)
        self.events: list[e.Event] = []
        self.emit(e.SessionStart(sid=SID, title="", cwd=cwd, mode=Mode.do, level=Level.L2))
        self.emit(e.TurnStart(sid=SID, turn=TURN, role="user", text="go", mode=Mode.do, level=Level.L2, model=model))

    def emit(self, event: e.Event) -> None:
        self.events.append(event)
        seq = len(self.events)
        self.session.take(seq, [wire.stamp(wire.encode_body(event), seq, TS.format(seq), "test.boot", seq)])

    def names(self) -> list[str]:
        """The names of the events since the turn began, without its environment."""
        return [str(event.__struct_config__.tag) for event in self.events[2:] if not isinstance(event, e.ContextInjected)]

    # the gate and the toolbox of this story

    waited_s = 0.0
    denied: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()

    async def check(self, session: AgentSession, turn: Turn, call: e.ToolCall) -> Permit:
        allowed = call.name not in self.denied
        self.emit(e.PermissionDecision(sid=SID, turn=TURN, callId=call.callId, decision="allow" if allowed else "deny", by="rule"))
        return Permit(allowed, "not today")

    async def permit_again(self, session: AgentSession, call: e.ToolCall) -> Permit:
        return Permit(True)

    async def runs_scripts(self, session: AgentSession, call: e.ToolCall) -> bool:
        return False

    async def withdraw(self, session: AgentSession, call: e.ToolCall, reason: str) -> None:
        return

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Permit | None = None) -> e.ToolResult:
        result = e.ToolResult(sid=SID, turn=TURN, callId=call.callId, ok=True, content=f"{'ran' if permit else 'adopted'} {call.name}")
        self.emit(result)
        return result

    async def offered(self, session: AgentSession, turn_id: str) -> Offered:
        return Offered()

    async def is_running(self, call_id: str) -> bool:
        return call_id in self.running

    def play(
        self, provider: Provider, limits: TurnLimits | None = None, fallback: Provider | None = None, options: ModelOptions | None = None
    ) -> e.TurnDone:
        async def route(wanted: str) -> Route:
            other = Route(fallback, "other", 500) if fallback else None
            return Route(provider, "model", 1000, options=options or ModelOptions(), fallback=other)

        async def backpressure() -> None:
            return

        return asyncio.run(
            run_turn(self.session, TURN, Collaborators(route, self, self, self.emit, backpressure, limits or TurnLimits(20, 30)))
        )


def messages(provider: Scripted, number: int) -> list[dict[str, Any]]:
    """The messages of a request, without the environment of their turns, which holds the date and this machine's system."""
    return as_typed(msgspec.json.decode(provider.requests[number].messages))
