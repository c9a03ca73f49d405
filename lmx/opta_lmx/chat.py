"""/v1/chat/completions in OpenAI's form: what a request may hold, and what the answers look like.

Fields that are not supported are refused by name, never ignored.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused

from .engine_messages import Delta, Finished, Generate, TokenLogprob
from .engines import Answer

MESSAGES_MAX, TOOLS_MAX, STOPS_MAX = 2000, 128, 16
DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX = 4096, 131_072
SCHEMA_BYTES_MAX = 64 * 1024


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
        strict=[tool.function.name for tool in request.tools or [] if tool.function.strict and not forced and tools],
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
            if len(msgspec.json.encode(named.schema)) > SCHEMA_BYTES_MAX:
                raise Refused(f"Field 'response_format': the schema is larger than {SCHEMA_BYTES_MAX // 1024} KiB.")
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

    def whole(self, choices: list[dict[str, Any]], usage: dict[str, Any]) -> bytes:
        """The answer of a request that does not stream."""
        body = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "usage": usage,
        }
        return msgspec.json.encode(body)


async def merged(answers: list[AsyncIterator[list[Answer]]]) -> AsyncIterator[tuple[int, list[Answer]]]:
    """(which answer, pieces that came together), in the order they come. Ends, or fails, with all of them."""
    if len(answers) == 1:
        async for pieces in answers[0]:
            yield 0, pieces
        return
    arrived: asyncio.Queue[tuple[int, list[Answer] | BaseException | None]] = asyncio.Queue()

    async def carry(at: int, answer: AsyncIterator[list[Answer]]) -> None:
        try:
            async for pieces in answer:
                arrived.put_nowait((at, pieces))
            arrived.put_nowait((at, None))
        except Exception as error:  # told to whoever reads
            arrived.put_nowait((at, error))

    tasks = [asyncio.create_task(carry(at, answer), name=f"choice {at}") for at, answer in enumerate(answers)]
    try:
        left = len(tasks)
        while left:
            at, found = await arrived.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                left -= 1
            else:
                yield at, found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stream_frames(completion: Completion, answers: list[AsyncIterator[list[Answer]]], *, include_usage: bool) -> AsyncIterator[bytes]:
    """SSE frames of answers, `[DONE]` last; pieces that came together leave together.

    Nothing comes before the engine has taken the request: until then a refusal still has a status of its own.
    """
    frames = [completion.chunk([_choice(at, {"role": "assistant", "content": ""})]) for at in range(len(answers))]
    calls = [0] * len(answers)
    ends: list[Finished] = []
    async for at, pieces in merged(answers):
        for piece in pieces:
            if isinstance(piece, Finished):
                finish = "tool_calls" if calls[at] and piece.finish == "stop" else piece.finish
                frames.append(completion.chunk([_choice(at, {}, finish)]))
                ends.append(piece)
                if len(ends) == len(answers):
                    if include_usage:
                        frames.append(completion.chunk([], usage_of(ends)))
                    frames.append(b"data: [DONE]\n\n")
            else:
                calls[at] += bool(piece.name)
                frames.append(completion.chunk([_choice(at, _delta(piece, calls[at] - 1), logprobs=_logprobs(piece.logprobs))]))
        yield b"".join(frames)
        frames = []


async def whole_answer(completion: Completion, answers: list[AsyncIterator[list[Answer]]], *, logprobs: bool = False) -> bytes:
    """The body of a request that does not stream."""
    found = [_Whole() for _ in answers]
    async for at, pieces in merged(answers):
        for piece in pieces:
            found[at].take(piece)
    choices = [whole.choice(at, logprobs=logprobs) for at, whole in enumerate(found)]
    return completion.whole(choices, usage_of([whole.end for whole in found if whole.end is not None]))


class _Whole:
    """One answer, gathered."""

    def __init__(self) -> None:
        self.text = self.thinking = ""
        self.calls: list[dict[str, Any]] = []
        self.logprobs: list[TokenLogprob] = []
        self.end: Finished | None = None

    def take(self, piece: Answer) -> None:
        """Take in the next piece."""
        if isinstance(piece, Finished):
            self.end = piece
            return
        self.logprobs += piece.logprobs
        if piece.name:
            self.calls += [{key: value for key, value in call.items() if key != "index"} for call in _delta(piece, 0)["tool_calls"]]
        elif piece.arguments:
            self.calls[-1]["function"]["arguments"] += piece.arguments
        else:
            self.text += piece.text
            self.thinking += piece.thinking

    def choice(self, at: int, *, logprobs: bool) -> dict[str, Any]:
        """As it stands in the body."""
        assert self.end is not None
        message: dict[str, Any] = {"role": "assistant", "content": self.text or (None if self.calls else "")}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        if self.calls:
            message["tool_calls"] = self.calls
        finish = "tool_calls" if self.calls and self.end.finish == "stop" else self.end.finish
        told = {"content": [_told(token) for token in self.logprobs]} if logprobs else None
        return {"index": at, "message": message, "finish_reason": finish, "logprobs": told}


def _logprobs(tokens: list[TokenLogprob]) -> dict[str, Any] | None:
    return {"content": [_told(token) for token in tokens]} if tokens else None


def _told(token: TokenLogprob) -> dict[str, Any]:
    top = [{"token": text, "logprob": logprob, "bytes": list(text.encode())} for text, logprob in token.top]
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes, "top_logprobs": top}


def _choice(at: int, delta: dict[str, Any], finish: str | None = None, logprobs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"index": at, "delta": delta, "finish_reason": finish, "logprobs": logprobs}


def _delta(piece: Delta, call: int) -> dict[str, Any]:
    if piece.name:
        function = {"name": piece.name, "arguments": piece.arguments}
        return {"tool_calls": [{"index": call, "id": f"call_{secrets.token_hex(8)}", "type": "function", "function": function}]}
    if piece.arguments:
        return {"tool_calls": [{"index": call, "function": {"arguments": piece.arguments}}]}
    return {"reasoning_content": piece.thinking} if piece.thinking else {"content": piece.text}


def usage_of(ends: list[Finished]) -> dict[str, Any]:
    """Of one request: its prompt once, everything it was answered."""
    prompt, answered = ends[0].prompt_tokens, sum(end.completion_tokens for end in ends)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answered,
        "total_tokens": prompt + answered,
        "prompt_tokens_details": {"cached_tokens": ends[0].cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": sum(end.thinking_tokens for end in ends)},
    }
