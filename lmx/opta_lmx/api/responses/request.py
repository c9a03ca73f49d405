"""/v1/responses in OpenAI's form: the same engine and the same orders, other words.

What a request may hold, and what the answers look like: platform.openai.com, "Responses" and "Streaming events". Nothing is
stored, so a request brings its whole conversation; fields that are not supported are refused by name, never ignored.
"""

from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from ..chat import request as chat
from ..json_values import as_list


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Tool(_Request, frozen=True, kw_only=True):
    """One entry of `tools`: a function."""

    type: Literal["function"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedTool(_Request, frozen=True, kw_only=True):
    """`tool_choice` that names a function."""

    type: Literal["function"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class TextFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """`text.format`: nothing to hold."""


class JsonFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """`text.format`: a JSON object."""


class SchemaFormat(_Request, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """`text.format`: JSON of a schema."""

    name: str
    schema: dict[str, Any]
    strict: bool | None = None
    description: str | None = None


class Text(_Request, frozen=True, kw_only=True):
    """`text`."""

    format: TextFormat | JsonFormat | SchemaFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ResponsesRequest(_Request, frozen=True, kw_only=True):
    """The body of /v1/responses."""

    input: str | Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=chat.MESSAGES_MAX)]
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    instructions: str | None = None
    tools: Annotated[list[Tool], msgspec.Meta(max_length=chat.TOOLS_MAX)] = []
    tool_choice: Literal["auto", "none", "required"] | NamedTool = "auto"
    parallel_tool_calls: bool = True
    text: Text | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=chat.MAX_TOKENS_MAX)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    stream: bool = False
    # Nothing is: accepted, and told so in the answer.
    store: bool | None = None
    reasoning: dict[str, Any] | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None
    truncation: Literal["disabled"] | None = None


def order_of(request: ResponsesRequest) -> Generate:
    """The request as the engine takes it: that of the chat API which says the same. Raises Refused naming the field."""
    return chat.order_of(
        chat.ChatRequest(
            messages=_conversation(request),
            tools=[_tool(tool) for tool in request.tools] or None,
            tool_choice=_choice(request),
            parallel_tool_calls=request.parallel_tool_calls,
            response_format=_format(request),
            max_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
        )
    )


def _tool(tool: Tool) -> chat.Tool:
    function = chat.Function(name=tool.name, description=tool.description or "", parameters=tool.parameters or {}, strict=tool.strict)
    return chat.Tool(type="function", function=function)


def _choice(request: ResponsesRequest) -> Any:
    if isinstance(request.tool_choice, NamedTool):
        return chat.NamedTool(type="function", function=chat.NamedFunction(name=request.tool_choice.name))
    return request.tool_choice


def _format(request: ResponsesRequest) -> Any:
    match request.text.format if request.text else None:
        case JsonFormat():
            return chat.JsonFormat()
        case SchemaFormat() as wanted:
            return chat.SchemaFormat(json_schema=chat.NamedSchema(name=wanted.name, schema=wanted.schema, strict=wanted.strict))
        case _:
            return None


def _conversation(request: ResponsesRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"role": "system", "content": request.instructions}] if request.instructions else []
    if isinstance(request.input, str):
        return [*found, {"role": "user", "content": request.input}]
    for at, item in enumerate(request.input):
        where = f"input[{at}]"
        match item:
            case {"type": "function_call", "name": str() as name, "arguments": str() as arguments, "call_id": str() as id_}:
                call = {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
                if found and found[-1]["role"] == "assistant":
                    found[-1].setdefault("tool_calls", []).append(call)
                else:
                    found.append({"role": "assistant", "content": "", "tool_calls": [call]})
            case {"type": "function_call_output", "call_id": str() as id_}:
                found.append({"role": "tool", "tool_call_id": id_, "content": _text(f"{where}.output", item.get("output"))})
            case {"type": "reasoning"}:
                pass  # what a model thought before is not given to it again
            case {"role": "user" | "assistant" | "system" | "developer" as role} if item.get("type", "message") == "message":
                found.append({"role": role, "content": _text(f"{where}.content", item.get("content"))})
            case _:
                kinds = "message, function_call, function_call_output or reasoning"
                raise Refused(f"Field '{where}': it is a {kinds}, with the fields of that kind.")
    if not found:
        raise Refused("Field 'input': there is nothing to answer.")
    return found


def _text(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for part in as_list(content) or [None]:
        match part:
            case {"type": "input_text" | "output_text" | "text", "text": str() as text}:
                texts.append(text)
            case {"type": "refusal", "refusal": str() as text}:
                texts.append(text)
            case _:
                raise Refused(f"Field '{where}': a string, or a list of text parts.")
    return "".join(texts)
