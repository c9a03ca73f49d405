"""/v1/chat/completions in OpenAI's form: what a request may hold; its answers are `answer`.

Fields that are not supported are refused by name, never ignored.
"""

from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from .. import schema_limits

MESSAGES_MAX, TOOLS_MAX, STOPS_MAX = 2000, 128, 16
DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX = 4096, 131_072


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's declaration."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `tools`."""

    type: Literal["function"]
    function: Function


class NamedFunction(_Request, frozen=True, kw_only=True):
    """The function of a named `tool_choice`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class NamedTool(_Request, frozen=True, kw_only=True):
    """`tool_choice` that names a tool."""

    type: Literal["function"]
    function: NamedFunction


class TextFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """`response_format`: nothing to hold."""


class JsonFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """`response_format`: a JSON object."""


class NamedSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The schema of a `json_schema` format."""

    name: str
    schema: dict[str, Any]
    strict: bool | None = None
    description: str = ""


class SchemaFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """`response_format`: JSON of a schema."""

    json_schema: NamedSchema


class StreamOptions(_Request, frozen=True, kw_only=True):
    """`stream_options`."""

    include_usage: bool = False


class ChatRequest(_Request, frozen=True, kw_only=True):
    """The body of /v1/chat/completions."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: Annotated[list[Tool], msgspec.Meta(max_length=TOOLS_MAX)] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    logit_bias: Annotated[dict[str, Annotated[float, msgspec.Meta(ge=-100, le=100)]], msgspec.Meta(max_length=1024)] | None = None
    repetition_penalty: Annotated[float, msgspec.Meta(gt=0, le=2)] | None = None
    presence_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: Literal[False] | None = None
    # "flex" is batch work: it goes when nobody else waits.
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None


def orders_of(request: ChatRequest) -> list[Generate]:
    """The request as the engine takes it, once for each of its `n` choices. Raises Refused naming the field."""
    order = order_of(request)
    if request.seed is None:
        return [order] * (request.n or 1)
    return [msgspec.structs.replace(order, seed=request.seed + at) for at in range(request.n or 1)]


def order_of(request: ChatRequest) -> Generate:
    """One choice of a request. Raises Refused naming the field."""
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stop) > STOPS_MAX or any(not 1 <= len(text) <= 256 for text in stop):
        raise Refused(f"Field 'stop': at most {STOPS_MAX} strings of 1 to 256 characters.")
    tools = [] if request.tool_choice == "none" else [msgspec.to_builtins(tool) for tool in request.tools or []]
    forced = _forced(request)
    schema = _schema(request)
    strict = [tool.function.name for tool in request.tools or [] if tool.function.strict and not forced and tools]
    for tool in request.tools or [] if forced or strict else []:
        schema_limits.check("tools", tool.function.parameters)
    if schema is not None and forced:
        raise Refused("Field 'response_format': an answer cannot be both a forced call and JSON of a schema.")
    if request.top_logprobs is not None and not request.logprobs:
        raise Refused("Field 'top_logprobs': it needs logprobs: true.")
    if any(not token.isdecimal() or len(token) > 9 for token in request.logit_bias or {}):
        raise Refused("Field 'logit_bias': its keys are numbers of tokens.")
    return Generate(
        id=0,
        messages=[message_of(at, message) for at, message in enumerate(request.messages)],
        tools=tools,
        max_tokens=request.max_completion_tokens or request.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=request.temperature or 0.0,
        top_p=request.top_p or 1.0,
        top_k=request.top_k or 0,
        min_p=request.min_p or 0.0,
        stop=stop,
        seed=request.seed,
        logit_bias=request.logit_bias or {},
        repetition_penalty=request.repetition_penalty or 0.0,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        logprobs=(request.top_logprobs or 0) if request.logprobs else -1,
        schema=schema,
        forced=forced,
        strict=strict,
        one_call=request.parallel_tool_calls is False,
    )


def _forced(request: ChatRequest) -> str:
    """The tool that has to be called: its name, "*" for any, '' for none. Raises Refused."""
    names = [tool.function.name for tool in request.tools or []]
    match request.tool_choice:
        case "required":
            if not names:
                raise Refused("Field 'tool_choice': required needs tools.")
            return "*"
        case NamedTool(function=function):
            if function.name not in names:
                raise Refused(f"Field 'tool_choice': there is no tool {function.name[:80]!r} in tools.")
            return function.name
        case _:
            return ""


def _schema(request: ChatRequest) -> dict[str, Any] | None:
    match request.response_format:
        case JsonFormat():
            return {"type": "object"}
        case SchemaFormat(json_schema=named):
            schema_limits.check("response_format", named.schema)
            return named.schema
        case _:
            return None


def message_of(at: int, message: dict[str, Any]) -> dict[str, Any]:
    """One message as templates take it. Raises Refused naming the field."""
    where = f"messages[{at}]"
    role = message.get("role")
    if role not in ("system", "developer", "user", "assistant", "tool"):
        raise Refused(f"Field '{where}.role': it is one of system, developer, user, assistant, tool.")
    found: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": _content(where, message.get("content"))}
    if calls := message.get("tool_calls"):
        try:
            found["tool_calls"] = [
                {
                    "id": str(call.get("id", "")),
                    "type": "function",
                    "function": {"name": str(call["function"]["name"]), "arguments": call["function"].get("arguments", "{}")},
                }
                for call in calls
            ]
        except (TypeError, KeyError, AttributeError):
            raise Refused(f"Field '{where}.tool_calls': each has a function with name and arguments.") from None
    if role == "tool":
        found["tool_call_id"] = str(message.get("tool_call_id", ""))
    return found


def _content(where: str, content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts: list[str] = []
        for part in content:  # pyright: ignore[reportUnknownVariableType]
            if not (isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)):  # pyright: ignore[reportUnknownMemberType]
                raise Refused(f"Field '{where}.content': only text parts are supported.")
            parts.append(part["text"])  # pyright: ignore[reportUnknownArgumentType]
        return "".join(parts)
    raise Refused(f"Field '{where}.content': a string or a list of parts.")
