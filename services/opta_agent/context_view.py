"""What a model sees of a session: the parts of a request, with the tokens that each takes."""

from typing import Any

import msgspec

from opta_core.transcript import Turn
from opta_protocol.http_context import ContextPart, ContextSource, SessionContext

from .history import FIRST
from .router import Route
from .session import AgentSession
from .toolset import Offered


def context_of(session: AgentSession, offered: Offered, route: Route | None, problem: str = "") -> SessionContext:
    """The request that the running turn has sent last; between two turns, what the next one begins with."""
    transcript, history = session.transcript, session.history
    running = next((turn for turn in transcript.turns if not turn.endedAt), None)
    # What has ended is encoded as it will be sent.
    session.settle(running.id if running else "")
    parts = [_part("tools", "", msgspec.json.decode(offered.encoded(route.tools if route else None)), history.bytes_a_token)]
    parts.append(_part("system", "", FIRST, history.bytes_a_token))
    for turn, messages, added in history.parts(running if running is not None and running.steps else None):
        for at, message in enumerate(messages):
            kind = message["role"] if turn else "summary"
            sources = [
                ContextSource(source=source, tokens=max(1, int(chars / history.bytes_a_token)))
                for where, source, chars in added
                if where == at
            ]
            parts.append(_part(kind, turn, message, history.bytes_a_token, sources))
    return SessionContext(
        sessionId=session.sid,
        isRunning=running is not None,
        provider=route.provider.name if route else "",
        model=route.model if route else transcript.model,
        contextLimit=route.context_limit if route else 0,
        reportedTokens=_reported(running) or history.reported,
        tokens=sum(part.tokens for part in parts),
        parts=parts,
        problem=problem,
    )


def _part(kind: Any, turn: str, content: Any, bytes_a_token: float, added: list[ContextSource] | None = None) -> ContextPart:
    tokens = max(1, int(len(msgspec.json.encode(content)) / bytes_a_token))
    return ContextPart(kind=kind, turn=turn, tokens=tokens, content=content, added=added or [])


def _reported(turn: Turn | None) -> int:
    return next((step.contextUsed for step in reversed(turn.steps) if step.contextUsed), 0) if turn else 0
