"""Any OpenAI-compatible chat server: LMX, and everything that speaks /v1/chat/completions."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Literal

import msgspec

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.http_client import HttpClient, HttpProblem
from opta_core.vault import Secret
from opta_protocol.errors import ErrorCode

from .base import CallPart, End, ModelRequest, Part, Thinking, Usage
from .sse import SseSplitter
from .thinking import ThinkSplitter

ERROR_BYTES_MAX = 64 * 1024
END_S = 0.2


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int = 0
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
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class _Models(msgspec.Struct):
    data: list[dict[str, Any]]


_chunk = msgspec.json.Decoder(_Chunk)


class OpenAiProvider:
    """One server. Owns its connections. Raises Refused when the address is none."""

    def __init__(self, name: str, base_url: str, key: Secret | None = None):
        self.name = name
        try:
            self._http = HttpClient(base_url, {"Authorization": f"Bearer {key.reveal()}"} if key else None)
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
        except (HttpProblem, msgspec.DecodeError) as error:
            raise Unavailable(
                f"{self.name} at {self.host} does not answer ({_why(error)}).", code=ErrorCode.provider_unavailable
            ) from error

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
                    raise _refusal(self, answer.status, await answer.read(ERROR_BYTES_MAX), request.model)
                async for chunk in answer.chunks():
                    is_started = True
                    if parts := reader.feed(chunk, self):
                        yield parts
                    if reader.is_done:
                        # Read to its end, the connection can be used again; that is worth a moment, and no more.
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(END_S):
                                await answer.read(ERROR_BYTES_MAX)
                        break
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
        self._calls: dict[int, list[str]] = {}
        self._finish: str = ""
        self._usage: Usage | None = None
        self.is_done = False

    @property
    def is_finished(self) -> bool:
        return bool(self._finish)

    def feed(self, chunk: bytes, provider: OpenAiProvider) -> list[Part]:
        parts: list[Part] = []
        if self.is_done:
            return parts
        for payload in self._splitter.feed(chunk):
            if payload == b"[DONE]":
                self.is_done = True
                break
            try:
                self._take(_chunk.decode(payload), parts, provider)
            except msgspec.DecodeError as error:
                raise Unavailable(
                    f"{provider.name} at {provider.host} sent what is no chat chunk ({error}).",
                    code=ErrorCode.provider_error,
                    retryable=False,
                ) from error
        return parts

    def end(self) -> list[Part]:
        parts: list[Part] = [*self._thinking.end()]
        parts += [CallPart(id, name, arguments or "{}") for id, name, arguments in self._calls.values()]
        finish: Literal["stop", "length", "tool_calls"] = "length" if self._finish == "length" else "tool_calls" if self._calls else "stop"
        return [*parts, End(finish, self._usage)]

    def _take(self, chunk: _Chunk, parts: list[Part], provider: OpenAiProvider) -> None:
        if chunk.error is not None:
            raise _stream_error(provider, chunk.error)
        if chunk.usage is not None:
            prompt, completion = chunk.usage.prompt_tokens_details, chunk.usage.completion_tokens_details
            self._usage = Usage(
                prompt=chunk.usage.prompt_tokens,
                completion=chunk.usage.completion_tokens,
                cached=(prompt.cached_tokens or 0) if prompt else 0,
                thinking=(completion.reasoning_tokens or 0) if completion else 0,
            )
        for choice in chunk.choices[:1]:
            if delta := choice.delta:
                if thought := delta.reasoning_content or delta.reasoning:
                    parts.append(Thinking(thought))
                if delta.content:
                    parts += self._thinking.feed(delta.content)
                for call in delta.tool_calls or []:
                    known = self._calls.setdefault(call.index, ["", "", ""])
                    known[0] = call.id or known[0]
                    if call.function:
                        known[1] += call.function.name or ""
                        known[2] += call.function.arguments or ""
            if choice.finish_reason:
                self._finish = choice.finish_reason


def _stream_error(provider: OpenAiProvider, error: Any) -> OptaError:
    message, code = str(error), ""
    if isinstance(error, dict):
        fields: dict[str, Any] = error  # pyright: ignore[reportUnknownVariableType]
        message, code = str(fields.get("message", error)), str(fields.get("code", ""))
    if code == "engine_lost":
        return Unavailable(f"{provider.name}: {message}", code=ErrorCode.engine_lost)
    return OptaError(f"{provider.name} at {provider.host}: {message}", code=ErrorCode.provider_error)


def _refusal(provider: OpenAiProvider, status: int, body: bytes, model: str) -> OptaError:
    message = body[:500].decode(errors="replace")
    try:
        told: Any = msgspec.json.decode(body)["error"]
        message = str(told["message"] if isinstance(told, dict) else told)  # pyright: ignore[reportUnknownArgumentType]
    except (msgspec.DecodeError, KeyError, TypeError):
        pass
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
