"""Any OpenAI-compatible chat server: LMX, and everything that speaks /v1/chat/completions."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from typing import Any, Literal

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import redact
from opta_core.net.http_client import Challenge, HttpClient, HttpProblem, Stranger
from opta_core.secrets.vault import Secret
from opta_protocol.error_info import ErrorCode

from .base import CallPart, End, ModelRequest, Part, Thinking, Usage
from .sse import SseSplitter, TooLarge
from .thinking import ThinkSplitter

ERROR_BYTES_MAX, ERROR_CHARS_MAX = 64 * 1024, 500
END_S = 0.2
# A line that takes longer is as good as silence, however busily its bytes drip.
LINE_S = 60.0
RETRY_AFTER_MAX_S = 30.0
TOKENS_MAX = 10**12
# So much of an answer is read before others have their turn: a millisecond's work.
SLICE_BYTES = 32 * 1024


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class _Models(msgspec.Struct):
    data: list[dict[str, Any]]


_chunk = msgspec.json.Decoder(_Chunk)
# What a decoder says to bytes that are no JSON, no UTF-8, or nested without end.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Half of a character that JSON writes as two escapes. An escaped backslash before it makes it mere text.
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)


class OpenAiProvider:
    """One server. Owns its connections. Raises Refused when the address is none."""

    def __init__(self, name: str, base_url: str, key: Secret | None = None, certificate: str = "", challenge: Challenge | None = None):
        self.name = name
        self._key = key
        try:
            self._http = HttpClient(base_url, {"Authorization": f"Bearer {key.reveal()}"} if key else None, certificate, challenge)
        except ValueError as error:
            raise Refused(f"Provider {name} cannot be used: {error}. Mend it: opta config add-provider {name} …") from None
        self.url, self.host = self._http.url, self._http.host

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    async def models(self, timeout_s: float = 2.0) -> list[dict[str, Any]]:
        """GET /v1/models. Raises Unavailable."""
        try:
            status, body = await self._http.get("/models", timeout_s)
            if status != 200:
                raise HttpProblem(f"status {status}")
            return msgspec.json.decode(body, type=_Models).data
        except Stranger as error:
            raise Unavailable(str(error), code=ErrorCode.provider_unavailable) from error
        except (HttpProblem, *_UNREADABLE) as error:
            raise Unavailable(
                f"{self.name} at {self.host} does not answer ({_why(error)}).", code=ErrorCode.provider_unavailable
            ) from error

    def told(self, message: Any) -> str:
        """What the server says, as a person may read it: in a few words, and without the key, should it echo that."""
        text = str(message)
        if self._key is not None:
            text = text.replace(self._key.reveal(), "••••")
        return redact(text)[:ERROR_CHARS_MAX]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        """See `Provider`."""
        body: dict[str, Any] = {
            "model": request.model,
            "messages": request.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = request.tools
        reader = _Reader()
        is_started = False
        try:
            with contextlib.closing(await self._http.send("POST", "/chat/completions", msgspec.json.encode(body))) as answer:
                if answer.status != 200:
                    error = _refusal(self, answer.status, await answer.read(ERROR_BYTES_MAX), request.model)
                    error.retry_after_s = _retry_after_s(answer.headers.get(b"retry-after", b""))
                    raise error
                lines, moved_at = 0, now_s()
                async for chunk in answer.chunks():
                    is_started = True
                    for at in range(0, len(chunk), SLICE_BYTES):
                        if at:
                            await asyncio.sleep(0)  # other turns' tokens are not to wait for this flood
                        if parts := reader.feed(chunk[at : at + SLICE_BYTES], self):
                            yield parts
                    if reader.lines > lines:
                        lines, moved_at = reader.lines, now_s()
                    elif now_s() - moved_at > LINE_S:
                        raise HttpProblem(f"not one line came in {LINE_S:g} s", is_silence=True)
                    if reader.is_done:
                        # Read to its end, the connection can be used again; that is worth a moment, and no more.
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(END_S):
                                await answer.read(ERROR_BYTES_MAX)
                        break
                if parts := reader.rest(self):
                    yield parts
        except Stranger as error:
            raise Unavailable(str(error), code=ErrorCode.provider_unavailable) from error
        except HttpProblem as error:
            if not error.is_connected:
                raise Unavailable(
                    f"{self.name} at {self.host} cannot be reached ({error}). Is the model server running? `opta doctor` checks.",
                    code=ErrorCode.provider_unavailable,
                ) from error
            when = "while answering" if is_started else "before it answered"
            if not reader.is_done:
                raise Unavailable(
                    f"The connection to {self.name} at {self.host} was lost {when} ({error}).", code=ErrorCode.stream_lost
                ) from error
        if not reader.is_finished:
            raise Unavailable(f"{self.name} at {self.host} ended the stream before the answer was complete.", code=ErrorCode.stream_lost)
        yield reader.end()


class _Reader:
    """Chunks of one answer to parts; tool calls are put together until they are whole."""

    def __init__(self) -> None:
        self._splitter = SseSplitter()
        self._thinking = ThinkSplitter()
        self._calls: dict[int, _Call] = {}
        self._finish: str = ""
        self._usage: Usage | None = None
        self.is_done = False

    @property
    def is_finished(self) -> bool:
        return bool(self._finish)

    @property
    def lines(self) -> int:
        """How many lines came, of whatever kind."""
        return self._splitter.lines

    def feed(self, chunk: bytes, provider: OpenAiProvider) -> list[Part]:
        """The parts that a piece of the stream completes. Raises OptaError."""
        try:
            return [] if self.is_done else self._parts(self._splitter.feed(chunk), provider)
        except TooLarge as error:
            raise Unavailable(
                f"{provider.name} at {provider.host} sent {error}.", code=ErrorCode.provider_error, retryable=False
            ) from error

    def rest(self, provider: OpenAiProvider) -> list[Part]:
        """The parts of a last line that ended without a newline."""
        return [] if self.is_done else self._parts(self._splitter.end(), provider)

    def _parts(self, payloads: list[bytes], provider: OpenAiProvider) -> list[Part]:
        parts: list[Part] = []
        for payload in payloads:
            if payload == b"[DONE]":
                self.is_done = True
                break
            try:
                self._take(_decoded(payload), parts, provider)
            except _UNREADABLE as error:
                raise Unavailable(
                    f"{provider.name} at {provider.host} sent what is no chat chunk ({error}).",
                    code=ErrorCode.provider_error,
                    retryable=False,
                ) from error
        return parts

    def end(self) -> list[Part]:
        """What was held back, and the end."""
        parts: list[Part] = [*self._thinking.end()]
        if self._finish == "length":
            # Calls that were cut off may look whole and not be: `rm -r build` of `rm -r build/tmp`.
            return [*parts, End("length", self._usage)]
        parts += [CallPart(call.id, call.name, "".join(call.arguments) or "{}") for call in self._calls.values()]
        finish: Literal["stop", "tool_calls"] = "tool_calls" if self._calls else "stop"
        return [*parts, End(finish, self._usage)]

    def _take(self, chunk: _Chunk, parts: list[Part], provider: OpenAiProvider) -> None:
        if chunk.error is not None:
            raise _stream_error(provider, chunk.error)
        if chunk.usage is not None:
            prompt, completion = chunk.usage.prompt_tokens_details, chunk.usage.completion_tokens_details
            self._usage = Usage(
                prompt=_count(chunk.usage.prompt_tokens),
                completion=_count(chunk.usage.completion_tokens),
                cached=_count(prompt.cached_tokens if prompt else 0),
                thinking=_count(completion.reasoning_tokens if completion else 0),
            )
        for choice in chunk.choices[:1]:
            if delta := choice.delta:
                if thought := delta.reasoning_content or delta.reasoning:
                    parts.append(Thinking(thought))
                if delta.content:
                    parts += self._thinking.feed(delta.content)
                for call in delta.tool_calls or []:
                    known = self._call(call)
                    known.id = call.id or known.id
                    if call.function:
                        known.name += call.function.name or ""
                        if call.function.arguments:
                            known.arguments.append(call.function.arguments)
            if choice.finish_reason:
                self._finish = choice.finish_reason

    def _call(self, piece: _CallDelta) -> "_Call":
        """The call that a piece belongs to: told by its index, else by its id; a piece with neither goes on with the last."""
        index = piece.index
        if index is None:
            last = next(reversed(self._calls), 0)
            goes_on = last in self._calls and piece.id in (None, "", self._calls[last].id)
            index = last if goes_on else max(self._calls, default=-1) + 1
        return self._calls.setdefault(index, _Call())


class _Call:
    """A tool call that is not whole yet; its arguments are joined once, at the end."""

    def __init__(self) -> None:
        self.id = self.name = ""
        self.arguments: list[str] = []


def _decoded(payload: bytes) -> _Chunk:
    """A chunk; characters that UTF-8 and JSON cannot carry are replaced. Raises one of `_UNREADABLE`."""
    try:
        return _chunk.decode(payload)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        readable = payload.decode(errors="replace").encode()
        return _chunk.decode(_LONE_SURROGATE.sub(rb"\1\\ufffd", readable))


def _count(tokens: int | None) -> int:
    return min(max(0, tokens or 0), TOKENS_MAX)


def _retry_after_s(header: bytes) -> float | None:
    """How long a server wants to be left alone, in moderation; None when it does not say so in seconds."""
    return min(float(header[:9]), RETRY_AFTER_MAX_S) if header.isdigit() else None


def _stream_error(provider: OpenAiProvider, error: Any) -> OptaError:
    message, code = error, ""
    if isinstance(error, dict):
        fields: dict[str, Any] = error  # pyright: ignore[reportUnknownVariableType]
        message, code = fields.get("message", fields), str(fields.get("code", ""))
    if code == "engine_lost":
        return Unavailable(f"{provider.name}: {provider.told(message)}", code=ErrorCode.engine_lost)
    return OptaError(f"{provider.name} at {provider.host}: {provider.told(message)}", code=ErrorCode.provider_error)


def _refusal(provider: OpenAiProvider, status: int, body: bytes, model: str) -> OptaError:
    message: Any = body.decode(errors="replace")
    with contextlib.suppress(*_UNREADABLE, KeyError, TypeError):
        error: Any = msgspec.json.decode(body)["error"]
        message = error["message"] if isinstance(error, dict) else error  # pyright: ignore[reportUnknownVariableType]
    message = provider.told(message)
    where = f"{provider.name} at {provider.host}"
    if status in (401, 403):
        return OptaError(
            f"{where} refuses the key. Set it: opta config add-provider {provider.name} … --key-stdin", code=ErrorCode.provider_auth
        )
    if status == 404:
        return OptaError(f"{where} has no model {model!r}: {message}", code=ErrorCode.model_not_found)
    if "context" in message.lower() and ("length" in message.lower() or "window" in message.lower() or "long" in message.lower()):
        return OptaError(f"{where}: the conversation is longer than the model can read. {message}", code=ErrorCode.context_overflow)
    retryable = status in (408, 409, 429) or status >= 500
    code = ErrorCode.provider_unavailable if retryable else ErrorCode.provider_error
    return OptaError(f"{where} answered {status}: {message}", code=code, retryable=retryable)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
