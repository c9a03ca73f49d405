"""/v1/responses in OpenAI's form: the request. `answer` has the answers.

The form is that of platform.openai.com, "Responses". Nothing is stored, so a request brings its whole conversation. Reasoning of
earlier turns is accepted and not given to the model again.
"""

from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Generate
from ...json_values import as_list
from ..chat import request as chat
from ..request_body import IGNORED, MESSAGES_MAX, TOOLS_MAX, FunctionName, MaxTokens, ModelName, RequestBody


class ResponsesTool(RequestBody, frozen=True, kw_only=True):
    """One entry of `tools`: a function."""

    type: Literal["function"]
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChosenFunctionTool(RequestBody, frozen=True, kw_only=True):
    """A `tool_choice` that names a function."""

    type: Literal["function"]
    name: FunctionName


class ResponsesTextFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """`text.format`: free text."""


class ResponsesJsonFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """`text.format`: a JSON object."""


class ResponsesSchemaFormat(RequestBody, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """`text.format`: JSON of a schema; the answer follows it whether `strict` or not."""

    name: Annotated[str, IGNORED]
    schema: dict[str, Any]
    strict: Annotated[bool | None, IGNORED] = None
    description: Annotated[str | None, IGNORED] = None


class ResponsesText(RequestBody, frozen=True, kw_only=True):
    """`text`."""

    format: ResponsesTextFormat | ResponsesJsonFormat | ResponsesSchemaFormat | None = None
    verbosity: Annotated[Literal["low", "medium", "high"] | None, IGNORED] = None


class ResponsesRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /v1/responses."""

    input: str | Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: ModelName = ""
    instructions: str | None = None
    tools: Annotated[list[ResponsesTool], msgspec.Meta(max_length=TOOLS_MAX)] = msgspec.field(default_factory=list[ResponsesTool])
    tool_choice: Literal["auto", "none", "required"] | ChosenFunctionTool = "auto"
    parallel_tool_calls: bool = True
    text: ResponsesText | None = None
    max_output_tokens: MaxTokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    stream: bool = False
    # Nothing is stored, and the answer says so.
    store: Annotated[bool | None, IGNORED] = None
    reasoning: Annotated[dict[str, Any] | None, IGNORED] = None
    include: Annotated[list[str] | None, IGNORED] = None
    # Comes back in the answer.
    metadata: dict[str, str] | None = None
    user: Annotated[str | None, IGNORED] = None
    # "flex" is batch work: it runs when no other request waits. The other values change nothing.
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None
    # The one value that describes LMX: a conversation that is too long is refused.
    truncation: Literal["disabled"] | None = None


def order_of(request: ResponsesRequest) -> Generate:
    """The order for the engine, by way of the chat request with the same meaning. Raises Refused naming the field."""
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


def _tool(tool: ResponsesTool) -> chat.ChatTool:
    function = chat.ChatFunction(name=tool.name, description=tool.description or "", parameters=tool.parameters or {}, strict=tool.strict)
    return chat.ChatTool(type="function", function=function)


def _choice(request: ResponsesRequest) -> Any:
    if isinstance(request.tool_choice, ChosenFunctionTool):
        return chat.ChosenTool(type="function", function=chat.ChosenFunction(name=request.tool_choice.name))
    return request.tool_choice


def _format(request: ResponsesRequest) -> Any:
    match request.text.format if request.text else None:
        case ResponsesJsonFormat():
            return chat.ChatJsonFormat()
        case ResponsesSchemaFormat() as wanted:
            return chat.ChatSchemaFormat(json_schema=chat.ChatSchema(name=wanted.name, schema=wanted.schema, strict=wanted.strict))
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
                pass  # earlier reasoning is not given to the model again
            case {"role": "user" | "assistant" | "system" | "developer" as role} if item.get("type", "message") == "message":
                found.append({"role": role, "content": _text(f"{where}.content", item.get("content"))})
            case _:
                kinds = "message, function_call, function_call_output or reasoning"
                raise Refused(f"Field '{where}': it is a {kinds}, with the fields of that kind.")
    if not found:
        raise Refused("Field 'input': it holds no message to answer.")
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
