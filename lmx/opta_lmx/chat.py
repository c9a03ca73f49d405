"""/v1/chat/completions in OpenAI's form: what a request may hold, and what the answers look like.

Fields that are not supported are refused by name, never ignored.
"""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode

from .engine_messages import Delta, Finished, Generate
from .engines import Answer

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
    tool_choice: Literal["auto", "none"] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    user: str | None = None


def order_of(request: ChatRequest) -> Generate:
    """The request as the engine takes it. Raises Refused naming the field."""
    if request.n not in (None, 1):
        raise Refused("Field 'n': only 1 is supported.")
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stop) > STOPS_MAX or any(not 1 <= len(text) <= 256 for text in stop):
        raise Refused(f"Field 'stop': at most {STOPS_MAX} strings of 1 to 256 characters.")
    tools = [] if request.tool_choice == "none" else [msgspec.to_builtins(tool) for tool in request.tools or []]
    return Generate(
        id=0,
        messages=[_message(at, message) for at, message in enumerate(request.messages)],
        tools=tools,
        max_tokens=request.max_completion_tokens or request.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=request.temperature or 0.0,
        top_p=request.top_p or 1.0,
        top_k=request.top_k or 0,
        min_p=request.min_p or 0.0,
        stop=stop,
    )


def _message(at: int, message: dict[str, Any]) -> dict[str, Any]:
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


class Completion:
    """The answers' common fields."""

    def __init__(self, model: str):
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self.model = model

    def chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        """One SSE frame."""
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        if usage is not None:
            body["usage"] = usage
        return b"data: " + msgspec.json.encode(body) + b"\n\n"

    def whole(self, message: dict[str, Any], finish: str, usage: dict[str, Any]) -> bytes:
        """The answer of a request that does not stream."""
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        body = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": usage,
        }
        return msgspec.json.encode(body)


async def stream_frames(completion: Completion, answer: AsyncIterator[list[Answer]], *, include_usage: bool) -> AsyncIterator[bytes]:
    """SSE frames of an answer, `[DONE]` last; pieces that came together leave together.

    Nothing comes before the engine has taken the request: until then a refusal still has a status of its own.
    """
    frames = [completion.chunk([_choice({"role": "assistant", "content": ""})])]
    calls = 0
    async for pieces in answer:
        for piece in pieces:
            if isinstance(piece, Finished):
                finish = "tool_calls" if calls and piece.finish == "stop" else piece.finish
                frames.append(completion.chunk([_choice({}, finish)]))
                if include_usage:
                    frames.append(completion.chunk([], _usage(piece)))
                frames.append(b"data: [DONE]\n\n")
            else:
                frames.append(completion.chunk([_choice(_delta(piece, calls))]))
                calls += bool(piece.name)
        yield b"".join(frames)
        frames = []


async def whole_answer(completion: Completion, answer: AsyncIterator[list[Answer]]) -> bytes:
    """The body of a request that does not stream."""
    text, thinking = "", ""
    calls: list[dict[str, Any]] = []
    end: Finished | None = None
    async for pieces in answer:
        for piece in pieces:
            if isinstance(piece, Finished):
                end = piece
            elif piece.name:
                calls += [{key: value for key, value in call.items() if key != "index"} for call in _delta(piece, len(calls))["tool_calls"]]
            else:
                text += piece.text
                thinking += piece.thinking
    assert end is not None
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if thinking:
        message["reasoning_content"] = thinking
    if calls:
        message["tool_calls"] = calls
    return completion.whole(message, "tool_calls" if calls and end.finish == "stop" else end.finish, _usage(end))


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _delta(piece: Delta, calls: int) -> dict[str, Any]:
    if piece.name:
        function = {"name": piece.name, "arguments": piece.arguments}
        return {"tool_calls": [{"index": calls, "id": f"call_{secrets.token_hex(8)}", "type": "function", "function": function}]}
    return {"reasoning_content": piece.thinking} if piece.thinking else {"content": piece.text}


def _usage(end: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": end.thinking_tokens},
    }


def read_request(content: bytes) -> ChatRequest:
    """The body. Raises Refused: bad_json, or invalid naming the field."""
    try:
        return msgspec.json.decode(content, type=ChatRequest)
    except msgspec.ValidationError as error:
        raise Refused(f"{error}.") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(f"The body is not valid JSON: {error}.", code=ErrorCode.bad_json) from error
