"""What a provider is: a request in, a stream of parts out."""

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

import msgspec


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One model call: messages and tools in OpenAI's chat form, each an encoded JSON array (tools may be empty bytes)."""

    model: str
    messages: msgspec.Raw
    tools: msgspec.Raw
    session: str = ""


class TextPart(msgspec.Struct, frozen=True):
    """A piece of the answer."""

    delta: str


class Thinking(msgspec.Struct, frozen=True):
    """A piece of the reasoning."""

    delta: str


class CallPart(msgspec.Struct, frozen=True):
    """A whole tool call; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts as the provider reports them."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    thinking: int = 0


class End(msgspec.Struct, frozen=True):
    """The model is done."""

    finish: Literal["stop", "length", "tool_calls"]
    usage: Usage | None


Part = TextPart | Thinking | CallPart | End


class Provider(Protocol):
    """A way to reach models.

    `stream` yields the parts that arrived together, ends with an End, and raises OptaError (provider_*,
    model_not_found, context_overflow, stream_lost, engine_lost), `retryable` when another try can help.
    """

    name: str
    host: str

    def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]: ...
