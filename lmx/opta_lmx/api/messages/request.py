"""/v1/messages in Anthropic's form: the request. `answer` has the answers.

The form is that of docs.anthropic.com, "Messages". Thinking blocks of earlier turns are accepted and not given to the model again.
"""

from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from ...json_values import as_list
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
    stop_strings,
)  # fmt: skip


class MessagesTool(RequestBody, frozen=True, kw_only=True):
    """One entry of `tools`."""

    name: FunctionName
    input_schema: dict[str, Any]
    description: str = ""
    type: Annotated[Literal["custom"] | None, IGNORED] = None
    cache_control: Annotated[dict[str, Any] | None, IGNORED] = None


class MessagesToolChoice(RequestBody, frozen=True, kw_only=True):
    """`tool_choice`."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class MessagesThinking(msgspec.Struct, frozen=True, kw_only=True):
    """`thinking`: whether the model is to think. A budget is not kept to; fields that are not here are ignored."""

    type: Literal["enabled", "disabled", "adaptive"]


class CountRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /v1/messages/count_tokens."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    system: str | list[dict[str, Any]] = ""
    tools: Annotated[list[MessagesTool], msgspec.Meta(max_length=TOOLS_MAX)] = msgspec.field(default_factory=list[MessagesTool])
    tool_choice: MessagesToolChoice | None = None
    thinking: MessagesThinking | None = None


class MessagesRequest(CountRequest, frozen=True, kw_only=True):
    """The body of /v1/messages."""

    max_tokens: MaxTokens = DEFAULT_MAX_TOKENS
    stop_sequences: list[str] = msgspec.field(default_factory=list[str])
    stream: bool = False
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    metadata: Annotated[dict[str, Any] | None, IGNORED] = None
    service_tier: Annotated[str | None, IGNORED] = None


def order_of(request: CountRequest) -> Generate:
    """The order for the engine; a request that only counts asks for no token. Raises Refused naming the field."""
    choice = request.tool_choice
    names = [tool.name for tool in request.tools]
    forced = ""
    if choice is not None and choice.type in ("any", "tool"):
        if not names or (choice.type == "tool" and choice.name not in names):
            raise Refused("Field 'tool_choice': it needs that tool in `tools`.")
        forced = choice.name if choice.type == "tool" else "*"
        for tool in request.tools:
            schema_limits.check("tools", tool.input_schema)
    shown = [] if choice is not None and choice.type == "none" else request.tools
    tools = [
        {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}}
        for tool in shown
    ]
    messages = [message for at, given in enumerate(request.messages) for message in _messages(f"messages[{at}]", given)]
    if system := _text("system", request.system):
        messages.insert(0, {"role": "system", "content": system})
    if not isinstance(request, MessagesRequest):
        return Generate(id=0, messages=messages, tools=tools, max_tokens=0, thinking=_thinks(request))
    return Generate(
        id=0,
        messages=messages,
        tools=tools,
        forced=forced,
        max_tokens=request.max_tokens,
        temperature=request.temperature or 0.0,
        top_p=request.top_p or 1.0,
        top_k=request.top_k or 0,
        stop=stop_strings("stop_sequences", request.stop_sequences),
        one_call=bool(choice and choice.disable_parallel_tool_use),
        thinking=_thinks(request),
    )


def _thinks(request: CountRequest) -> bool | None:
    """What is said to the chat template; None leaves it to the model."""
    return None if request.thinking is None or request.thinking.type == "adaptive" else request.thinking.type == "enabled"


def _messages(where: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """One message as messages of the chat form: tool results are messages of their own there."""
    role, content = given.get("role"), given.get("content")
    if role not in ("user", "assistant"):
        raise Refused(f"Field '{where}.role': it is user or assistant.")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    if not isinstance(content, list):
        raise Refused(f"Field '{where}.content': a string or a list of blocks.")
    found: list[dict[str, Any]] = []
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    blocks: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
    for block in blocks:
        match block:
            case {"type": "text", "text": str() as text}:
                texts.append(text)
            case {"type": "thinking" | "redacted_thinking"}:
                pass  # earlier reasoning is not given to the model again
            case {"type": "tool_use", "id": str() as id_, "name": str() as name, "input": dict()}:
                arguments = msgspec.json.encode(block["input"]).decode()
                calls.append({"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}})
            case {"type": "tool_result", "tool_use_id": str() as id_}:
                result = _text(f"{where}.content", block.get("content") or "")
                found.append({"role": "tool", "tool_call_id": id_, "content": f"Error: {result}" if block.get("is_error") else result})
            case _:
                raise Refused(f"Field '{where}.content': only text, tool_use, tool_result and thinking blocks are supported.")
    if texts or calls or not found:
        message: dict[str, Any] = {"role": role, "content": "\n".join(texts)}
        if calls:
            message["tool_calls"] = calls
        found.append(message)
    return found


def _text(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if (blocks := as_list(content)) is None:
        raise Refused(f"Field '{where}': a string or a list of text blocks.")
    texts: list[str] = []
    for block in blocks:
        match block:
            case {"type": "text", "text": str() as text}:
                texts.append(text)
            case _:
                raise Refused(f"Field '{where}': only text blocks are supported.")
    return "\n".join(texts)
