"""/v1/messages in Anthropic's form: the same engine and the same orders, other words.

What a request may hold, and what the answers look like: docs.anthropic.com, "Messages" and "Streaming messages". Fields that are
not supported are refused by name, never ignored; reasoning comes as thinking blocks without a signature.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from ...engine_client.client import EngineEvent
from ...ipc.messages import Delta, Finished, Generate
from .. import schema_limits
from ..chat.request import DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX, MESSAGES_MAX, STOPS_MAX, TOOLS_MAX
from ..json_values import as_list, as_object

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Tool(_Request, frozen=True, kw_only=True):
    """One entry of `tools`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    input_schema: dict[str, Any]
    description: str = ""
    type: Literal["custom"] | None = None
    cache_control: dict[str, Any] | None = None


class ToolChoice(_Request, frozen=True, kw_only=True):
    """`tool_choice`."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class CountRequest(_Request, frozen=True, kw_only=True):
    """The body of /v1/messages/count_tokens."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    system: str | list[dict[str, Any]] = ""
    tools: Annotated[list[Tool], msgspec.Meta(max_length=TOOLS_MAX)] = []
    tool_choice: ToolChoice | None = None
    thinking: dict[str, Any] | None = None


class MessagesRequest(CountRequest, frozen=True, kw_only=True):
    """The body of /v1/messages."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] = DEFAULT_MAX_TOKENS
    stop_sequences: list[str] = []
    stream: bool = False
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None


def order_of(request: CountRequest) -> Generate:
    """The request as the engine takes it; one that only counts asks for no token. Raises Refused naming the field."""
    choice = request.tool_choice
    names = [tool.name for tool in request.tools]
    forced = ""
    if choice is not None and choice.type in ("any", "tool"):
        if not names or (choice.type == "tool" and choice.name not in names):
            raise Refused("Field 'tool_choice': it needs that tool in tools.")
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
        return Generate(id=0, messages=messages, tools=tools, max_tokens=0)
    if len(request.stop_sequences) > STOPS_MAX or any(not 1 <= len(text) <= 256 for text in request.stop_sequences):
        raise Refused(f"Field 'stop_sequences': at most {STOPS_MAX} strings of 1 to 256 characters.")
    return Generate(
        id=0,
        messages=messages,
        tools=tools,
        forced=forced,
        max_tokens=request.max_tokens,
        temperature=request.temperature or 0.0,
        top_p=request.top_p or 1.0,
        top_k=request.top_k or 0,
        stop=request.stop_sequences,
        one_call=bool(choice and choice.disable_parallel_tool_use),
    )


def _messages(where: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """One message as those of the chat form: results of tools stand alone there."""
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
                pass  # what a model thought before is not given to it again
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


class Reply:
    """An answer in this form, whole or as events."""

    def __init__(self, model: str):
        self._model = model
        self._id = f"msg_{secrets.token_hex(12)}"

    async def whole(self, answer: AsyncIterator[list[EngineEvent]]) -> bytes:
        """The body of a request that does not stream."""
        blocks: list[dict[str, Any]] = []
        arguments: list[str] = []
        end: Finished | None = None
        async for pieces in answer:
            for piece in pieces:
                if isinstance(piece, Finished):
                    end = piece
                    continue
                if piece.name:
                    arguments.append(piece.arguments)
                    blocks.append(_block(piece))
                elif piece.arguments:
                    arguments[-1] += piece.arguments
                elif blocks and (block := _block(piece))["type"] == blocks[-1]["type"]:
                    blocks[-1][_FIELDS[block["type"]]] += block[_FIELDS[block["type"]]]
                else:
                    blocks.append(_block(piece))
        assert end is not None
        for block, text in zip([block for block in blocks if block["type"] == "tool_use"], arguments, strict=True):
            block["input"] = _input(text)
        has_calls = any(block["type"] == "tool_use" for block in blocks)
        return msgspec.json.encode(self._message(blocks, *_reason(end, has_calls=has_calls), _usage(end)))

    async def events(self, answer: AsyncIterator[list[EngineEvent]]) -> AsyncIterator[bytes]:
        """Server-sent events; nothing before the engine has taken the request."""
        empty = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        frames = [_event("message_start", message=self._message([], None, None, empty))]
        at, kind, has_calls = -1, "", False
        async for pieces in answer:
            for piece in pieces:
                if isinstance(piece, Finished):
                    if kind:
                        frames.append(_event("content_block_stop", index=at))
                    reason, by = _reason(piece, has_calls=has_calls)
                    frames.append(_event("message_delta", delta={"stop_reason": reason, "stop_sequence": by}, usage=_usage(piece)))
                    frames.append(_event("message_stop"))
                    continue
                if piece.arguments and not piece.name:
                    frames.append(_event("content_block_delta", index=at, delta=_delta(piece, "tool_use")))
                    continue
                block = _block(piece)
                if block["type"] != kind or kind == "tool_use":
                    if kind:
                        frames.append(_event("content_block_stop", index=at))
                    at, kind = at + 1, block["type"]
                    has_calls |= kind == "tool_use"
                    begin: dict[str, Any] = block if kind == "tool_use" else {**block, _FIELDS[kind]: ""}
                    frames.append(_event("content_block_start", index=at, content_block=begin))
                frames.append(_event("content_block_delta", index=at, delta=_delta(piece, kind)))
            yield b"".join(frames)
            frames = []

    def _message(self, content: list[dict[str, Any]], reason: str | None, by: str | None, usage: dict[str, int]) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": by,
            "usage": usage,
        }


_FIELDS = {"text": "text", "thinking": "thinking"}


def _block(piece: Delta) -> dict[str, Any]:
    if piece.name:
        return {
            "type": "tool_use",
            "id": f"toolu_{secrets.token_hex(12)}",
            "name": piece.name,
            "input": {},
        }
    if piece.thinking:
        return {"type": "thinking", "thinking": piece.thinking, "signature": ""}
    return {"type": "text", "text": piece.text}


def _input(text: str) -> dict[str, Any]:
    """A call's arguments; those of an answer that was cut off are no JSON."""
    try:
        return as_object(msgspec.json.decode(text or "{}")) or {}
    except msgspec.DecodeError:
        return {}


def _delta(piece: Delta, kind: str) -> dict[str, Any]:
    if kind == "tool_use":
        return {"type": "input_json_delta", "partial_json": piece.arguments}
    if kind == "thinking":
        return {"type": "thinking_delta", "thinking": piece.thinking}
    return {"type": "text_delta", "text": piece.text}


def _reason(end: Finished, *, has_calls: bool) -> tuple[str, str | None]:
    if has_calls and end.finish == "stop":
        return "tool_use", None
    return ("stop_sequence", end.stopped_by) if end.stopped_by else (STOP_REASONS[end.finish], None)


def _usage(end: Finished) -> dict[str, int]:
    return {
        "input_tokens": end.prompt_tokens - end.cached_tokens,
        "output_tokens": end.completion_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": end.cached_tokens,
    }


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))
