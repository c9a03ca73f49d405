"""/v1/messages in Anthropic's form: the request. `answer` has the answers, `content_blocks` the messages.

The form is that of docs.anthropic.com, "Messages", with what newer clients of it send.
"""

from typing import Annotated, Any

import msgspec

from ...ipc.messages import Generate
from ...json_values import as_object
from .. import schema_limits
from ..field_rules import COMMON, MAX_TOKENS, MODEL, SAMPLING, FieldRule, done, ignored
from ..request_body import (
    DEFAULT_MAX_TOKENS,
    MESSAGES_MAX,
    ClientBody,
    Ignored,
    MaxTokens,
    ModelName,
    Share,
    Temperature,
    chosen_of,
    stop_strings,
)  # fmt: skip
from ..thinking import ThinkingOptions, said_by, thinking_of
from ..tool_set import tool_set
from .content_blocks import conversation_of


class OutputConfig(ClientBody, frozen=True, kw_only=True):
    """`output_config`: how much effort, and the form of the answer."""

    effort: str | None = None
    format: dict[str, Any] | None = None


class CountRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/messages/count_tokens."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    system: str | list[dict[str, Any]] = ""
    tools: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])
    tool_choice: dict[str, Any] | str | None = None
    thinking: dict[str, Any] | bool | None = None
    output_config: OutputConfig | None = None
    output_format: dict[str, Any] | None = None


class MessagesRequest(CountRequest, frozen=True, kw_only=True):
    """The body of /v1/messages."""

    max_tokens: MaxTokens | None = None
    stop_sequences: list[str] = msgspec.field(default_factory=list[str])
    stream: bool = False
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None


COUNT_RULES: dict[str, FieldRule] = {
    "messages": done(
        "roles user, assistant and system; text, tool_use, tool_result, thinking, document and search_result blocks; image blocks in base64 for models that see"
    ),
    "model": MODEL,
    "system": done("a text, or text blocks"),
    "tools": done(
        "custom tools, and Anthropic's bash, text_editor and memory, which the client runs; those that run at a server are dropped and named"
    ),
    "tool_choice": done("auto, any, none, a named tool; `disable_parallel_tool_use`"),
    "thinking": done("enabled, disabled or adaptive, with a budget"),
    "output_config": done("`effort`, `format`"),
    "output_format": done("as `output_config.format`"),
    **COMMON,
    "service_tier": ignored(),
    "context_management": ignored("the conversation stays as the client sends it"),
    "mcp_servers": ignored("LMX connects to no server; give the tools themselves"),
    "container": ignored("nothing is run here"),
    "betas": ignored(),
    "speed": ignored(),
    "inference_geo": ignored(),
    "cache_control": ignored("every shared prefix is cached"),
}
RULES: dict[str, FieldRule] = {
    **COUNT_RULES,
    "max_tokens": MAX_TOKENS,
    "stop_sequences": done(),
    "stream": done(),
    "temperature": SAMPLING["temperature"],
    "top_p": SAMPLING["top_p"],
    "top_k": SAMPLING["top_k"],
}


def order_of(request: CountRequest, found: Ignored) -> Generate:
    """The order for the engine; a request that only counts asks for no token. Raises Refused naming the field."""
    choice = as_object(request.tool_choice) or {}
    tools = tool_set(request.tools, request.tool_choice, found)
    messages = conversation_of(request.system, request.messages, found)
    thinking = _thinking(request, found).fields()
    if not isinstance(request, MessagesRequest):
        return Generate(id=0, messages=messages, pictures=found.pictures, tools=tools.shown(), max_tokens=0, **thinking)
    return Generate(
        id=0,
        messages=messages,
        pictures=found.pictures,
        tools=tools.shown(),
        forced=tools.forced,
        strict=tools.strict(),
        schema=None if tools.forced else _schema(request, found),
        stop=stop_strings("stop_sequences", request.stop_sequences),
        one_call=choice.get("disable_parallel_tool_use") is True,
        **chosen_of(
            DEFAULT_MAX_TOKENS, max_tokens=request.max_tokens, temperature=request.temperature, top_p=request.top_p, top_k=request.top_k
        ),
        **thinking,
    )


def _thinking(request: CountRequest, found: Ignored) -> ThinkingOptions:
    switch, budget, effort = said_by("thinking", request.thinking)
    return thinking_of(found, switch=switch, budget=budget, effort=(request.output_config and request.output_config.effort) or effort)


def _schema(request: CountRequest, found: Ignored) -> dict[str, Any] | None:
    """The schema of the answer's form; None for free text. Raises Refused."""
    form = (request.output_config and request.output_config.format) or request.output_format or {}
    schema = as_object(form.get("schema"))
    if schema is not None:
        schema_limits.admit("output_config", schema, found)
    return schema
