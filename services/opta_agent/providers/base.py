"""What a provider is: a request in, a stream of parts out."""

from collections.abc import AsyncGenerator
from typing import Any, Literal, Protocol

import msgspec

from opta_core.provider_settings import ThinkingLevel
from opta_protocol.events import ThinkingBlock


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One model call: messages and tools in OpenAI's chat form, each an encoded JSON array (tools may be empty bytes)."""

    model: str
    messages: msgspec.Raw
    tools: msgspec.Raw
    session: str = ""
    # Bytes of images within the messages.
    image_bytes: int = 0
    # Sampling, in the names of the chat API. What is not set is not sent.
    options: dict[str, Any] = {}
    # The longest answer in tokens; 0: the server decides.
    max_tokens: int = 0
    # auto: nothing is sent about thinking. `thinking_budget`: tokens left to think in, 0 for no limit.
    thinking: ThinkingLevel = "auto"
    thinking_budget: int = 0
    # The program that serves the model, as far as it is known (`ServerReport.kind`).
    server: str = ""


class TextPart(msgspec.Struct, frozen=True):
    """A piece of the answer."""

    delta: str


class Thinking(msgspec.Struct, frozen=True):
    """A piece of the reasoning."""

    delta: str


class Thought(msgspec.Struct, frozen=True):
    """All text of this answer so far was reasoning: its opening marker never came."""


class Prefill(msgspec.Struct, frozen=True):
    """How much of the prompt the server has read, in tokens."""

    done: int
    total: int


class Notice(msgspec.Struct, frozen=True):
    """Something that a person should know about this provider and model."""

    text: str


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


Finish = Literal["stop", "length", "tool_calls", "content_filter"]


class End(msgspec.Struct, frozen=True):
    """The model is done. `has_cut_call`: the answer ended at its length inside of a call, which is left out.

    `thinking_field`: the field in which the server sent the reasoning, '' when it stood in the text or there was none.
    `thinking_blocks`: its signed blocks, for a server that wants them back. `model`: the name under which the server answered, if it says.
    """

    finish: Finish
    usage: Usage | None
    has_cut_call: bool = False
    thinking_field: str = ""
    thinking_blocks: tuple[ThinkingBlock, ...] = ()
    model: str = ""


Part = TextPart | Thinking | Thought | Prefill | Notice | CallPart | End


class Provider(Protocol):
    """A way to reach models.

    `stream` yields the parts that arrived together, ends with an End, and raises OptaError (provider_*,
    model_not_found, context_overflow, stream_lost, engine_lost), `retryable` when another try can help.
    """

    name: str
    host: str

    def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]: ...
