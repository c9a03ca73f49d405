"""What a model sees of a session, part by part."""

from typing import Any, Literal

import msgspec

from .http import Response


class ContextSource(msgspec.Struct, frozen=True, kw_only=True):
    """Text within a message that was added from outside the conversation: `environment`, or the file that it is from."""

    source: str
    tokens: int


class ContextPart(msgspec.Struct, frozen=True, kw_only=True):
    """One message or the tools, as a provider gets it: `content` is the message, or the list of tools. `tokens`: estimated.

    `added`: what of the message was added to it (`context.injected`).
    """

    kind: Literal["tools", "system", "summary", "user", "assistant", "tool"]
    # The turn of the message; empty for what belongs to none.
    turn: str = ""
    tokens: int
    content: Any
    added: list[ContextSource] = []


class SessionContext(Response, frozen=True, kw_only=True):
    """GET /v3/sessions/:id/context: the request that the running turn has sent last, or what the next one will begin with.

    `tokens` is the sum of the parts. `reportedTokens` is what the provider counted in the last answer (prompt and answer), 0 for nothing.
    `contextLimit` is what the model can read, 0 when that is not known. `problem` says what of it could not be found out.
    """

    sessionId: str
    isRunning: bool
    provider: str
    model: str
    contextLimit: int
    reportedTokens: int
    tokens: int
    parts: list[ContextPart]
    problem: str = ""
