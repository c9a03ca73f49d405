"""/v1/chat/completions in OpenAI's form: the request. `answer` has the answers."""

from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from .. import schema_limits
from ..request_body import (
    DEFAULT_MAX_TOKENS,
    IGNORED,
    MESSAGES_MAX,
    TOOLS_MAX,
    FunctionName,
    MaxTokens,
    ModelName,
    RequestBody,
    StreamOptions,
    stop_strings,
)  # fmt: skip

Effort = Literal["none", "minimal", "low", "medium", "high"]


class ChatFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of a function. Fields that are not here are ignored."""

    name: FunctionName
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class ChatTool(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `tools`. Fields that are not here are ignored."""

    type: Literal["function"]
    function: ChatFunction


class ChosenFunction(RequestBody, frozen=True, kw_only=True):
    """The function of a named `tool_choice`."""

    name: FunctionName


class ChosenTool(RequestBody, frozen=True, kw_only=True):
    """A `tool_choice` that names a tool."""

    type: Literal["function"]
    function: ChosenFunction


class ChatTextFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """`response_format`: free text."""


class ChatJsonFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """`response_format`: a JSON object."""


class ChatSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The schema of a `json_schema` format; the answer follows it whether `strict` or not. Fields that are not here are ignored."""

    name: Annotated[str, IGNORED]
    schema: dict[str, Any]
    strict: Annotated[bool | None, IGNORED] = None
    description: Annotated[str, IGNORED] = ""


class ChatSchemaFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """`response_format`: JSON of a schema."""

    json_schema: ChatSchema


class ChatTemplateOptions(RequestBody, frozen=True, kw_only=True):
    """`chat_template_kwargs`: what the model's chat template reads. The two names of the first one are those of different templates."""

    enable_thinking: bool | None = None
    thinking: bool | None = None
    reasoning_effort: Effort | None = None


class ChatRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /v1/chat/completions."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: Annotated[list[ChatTool], msgspec.Meta(max_length=TOOLS_MAX)] | None = None
    tool_choice: Literal["auto", "none", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ChatTextFormat | ChatJsonFormat | ChatSchemaFormat | None = None
    max_tokens: MaxTokens | None = None
    max_completion_tokens: MaxTokens | None = None
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
    # "none" switches thinking off; templates without the variable ignore the others.
    reasoning_effort: Effort | None = None
    chat_template_kwargs: ChatTemplateOptions | None = None
    user: Annotated[str | None, IGNORED] = None
    metadata: Annotated[dict[str, str] | None, IGNORED] = None
    # Nothing is stored, so only `false` is true.
    store: Annotated[Literal[False] | None, IGNORED] = None
    # "flex" is batch work: it runs when no other request waits. The other values change nothing.
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None


def orders_of(request: ChatRequest) -> list[Generate]:
    """One order for each of the `n` choices. Raises Refused naming the field."""
    order = order_of(request)
    if request.seed is None:
        return [order] * (request.n or 1)
    return [msgspec.structs.replace(order, seed=request.seed + at) for at in range(request.n or 1)]


def order_of(request: ChatRequest) -> Generate:
    """The order for one choice. Raises Refused naming the field."""
    stop = stop_strings("stop", request.stop)
    tools = [] if request.tool_choice == "none" else [msgspec.to_builtins(tool) for tool in request.tools or []]
    forced = _forced(request)
    schema = _schema(request)
    strict = [tool.function.name for tool in request.tools or [] if tool.function.strict and not forced and tools]
    for tool in request.tools or [] if forced or strict else []:
        schema_limits.check("tools", tool.function.parameters)
    if schema is not None and forced:
        raise Refused("Field 'response_format': an answer cannot be both a required tool call and JSON of a schema.")
    if request.top_logprobs is not None and not request.logprobs:
        raise Refused("Field 'top_logprobs': it needs `logprobs: true`.")
    if any(not token.isdecimal() or len(token) > 9 for token in request.logit_bias or {}):
        raise Refused("Field 'logit_bias': its keys are token ids.")
    thinking, effort = _thinking(request)
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
        thinking=thinking,
        effort=effort,
    )


def _thinking(request: ChatRequest) -> tuple[bool | None, str]:
    """(whether to think, how much); what is said for the template counts more."""
    options = request.chat_template_kwargs or ChatTemplateOptions()
    effort = options.reasoning_effort or request.reasoning_effort or ""
    switch = options.enable_thinking if options.enable_thinking is not None else options.thinking
    if switch is None and effort:
        switch = effort != "none"
    return switch, "" if effort == "none" else effort


def _forced(request: ChatRequest) -> str:
    """The tool that must be called: its name, "*" for any, '' for none. Raises Refused."""
    names = [tool.function.name for tool in request.tools or []]
    match request.tool_choice:
        case "required":
            if not names:
                raise Refused("Field 'tool_choice': required needs tools.")
            return "*"
        case ChosenTool(function=function):
            if function.name not in names:
                raise Refused(f"Field 'tool_choice': there is no tool {function.name[:80]!r} in tools.")
            return function.name
        case _:
            return ""


def _schema(request: ChatRequest) -> dict[str, Any] | None:
    match request.response_format:
        case ChatJsonFormat():
            return {"type": "object"}
        case ChatSchemaFormat(json_schema=named):
            schema_limits.check("response_format", named.schema)
            return named.schema
        case _:
            return None


def message_of(at: int, message: dict[str, Any]) -> dict[str, Any]:
    """A message in the form of chat templates; its other fields are dropped. Raises Refused naming the field."""
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
