"""Any OpenAI-compatible chat server: LMX, and everything that speaks /v1/chat/completions."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import Log, redact
from opta_core.net.http_client import Challenge, HttpClient, HttpProblem, HttpResponse, UnverifiedServer
from opta_core.secrets.vault import Secret
from opta_protocol.error_info import ErrorCode

from . import failures
from .answer_reader import AnswerReader, ErrorInStream
from .base import ModelRequest, Notice, Part
from .failures import Failure
from .sse import TooLarge

ERROR_BYTES_MAX, ERROR_CHARS_MAX = 64 * 1024, 500
END_S = 0.2
# How long a server may read the prompt, and how long it may be busy without a word of its answer after that: a long call is often
# kept back until it is whole.
FIRST_CONTENT_S, CONTENT_GAP_S = 600.0, 300.0
# So much of an answer is read before others have their turn: a millisecond's work.
SLICE_BYTES = 32 * 1024
# Fields of a request that a server may not know; it is asked again without them.
_OPTIONAL = ("stream_options", "tools", "max_tokens", "temperature", "top_p", "reasoning_effort", "parallel_tool_calls", "cache_prompt")
log = Log("provider")


class OpenAiProvider:
    """One server. Owns its connections. Raises Refused when the address is none."""

    def __init__(self, name: str, base_url: str, key: Secret | None = None, certificate: str = "", challenge: Challenge | None = None):
        self.name = name
        self._key = key
        # Model -> fields of a request that its server refused, and models whose server wants reasoning in every answer of the history.
        self._refused: dict[str, set[str]] = {}
        self._wants_reasoning: set[str] = set()
        try:
            self._http = HttpClient(base_url, {"Authorization": f"Bearer {key.reveal()}"} if key else None, certificate, challenge)
        except ValueError as error:
            raise Refused(f"Provider {name} cannot be used: {error}. Correct it: opta config add-provider {name} …") from None
        self.url, self.host = self._http.url, self._http.host

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def shown(self, message: Any) -> str:
        """What the server says, as a person may read it: shortened, and without the key, should it repeat that."""
        text = str(message)
        if self._key is not None:
            text = text.replace(self._key.reveal(), "••••")
        return redact(text)[:ERROR_CHARS_MAX]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        """See `Provider`."""
        while True:
            reader = AnswerReader(bytes(request.tools))
            if request.tools and "tools" in self._refused.get(request.model, ()):
                yield [Notice(f"{self.name} says that {request.model} takes no tools: it can talk, and neither read nor change anything.")]
            try:
                async for parts in self._read(request, reader):
                    yield parts
                return
            except ErrorInStream as error:
                if reader.has_content or not self._adapt(request, error.failure):
                    raise self._error(error.failure, request.model) from None

    async def _read(self, request: ModelRequest, reader: AnswerReader) -> AsyncGenerator[list[Part], None]:
        """One request. Raises OptaError, ErrorInStream."""
        where = f"{self.name} at {self.host}"
        is_started = False
        try:
            with contextlib.closing(await self._http.send("POST", "/chat/completions", self._body(request))) as answer:
                if answer.status != 200:
                    raise await self._refusal(answer, request)
                progress, moved_at = 0, now_s()
                async for content in answer.chunks():
                    is_started = True
                    for at in range(0, len(content), SLICE_BYTES):
                        if at:
                            await asyncio.sleep(0)  # other turns' tokens are not to wait for this flood
                        if parts := reader.feed(content[at : at + SLICE_BYTES]):
                            yield parts
                    limit_s = CONTENT_GAP_S if reader.has_content else FIRST_CONTENT_S
                    if reader.progress > progress:
                        progress, moved_at = reader.progress, now_s()
                    elif now_s() - moved_at > limit_s:
                        raise HttpProblem(f"no word of an answer came in {limit_s:g} s", is_silence=True)
                    if reader.is_done:
                        # Read to its end, the connection can be used again; that is worth a moment, and no more.
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(END_S):
                                await answer.read(ERROR_BYTES_MAX)
                        break
                if parts := reader.rest():
                    yield parts
                # A body of declared length that ended is an answer that ended, even without a word about it.
                is_whole = reader.is_finished or (answer.is_framed and reader.has_content)
        except UnverifiedServer as error:
            raise Unavailable(str(error), code=ErrorCode.provider_unavailable) from error
        except TooLarge as error:
            raise Unavailable(f"{where} sent {error}.", code=ErrorCode.provider_error, retryable=False) from error
        except HttpProblem as error:
            if not error.is_connected:
                raise Unavailable(
                    f"{where} cannot be reached ({error}). Is the model server running? `opta doctor` checks.",
                    code=ErrorCode.provider_unavailable,
                ) from error
            if not reader.is_done:
                when = "while answering" if is_started else "before it answered"
                raise Unavailable(f"The connection to {where} was lost {when} ({error}).", code=ErrorCode.stream_lost) from error
            is_whole = reader.is_finished
        if not is_whole:
            sent = self.shown(failures.of_body(reader.stray).message) if reader.stray else ""
            reason = (
                f"sent no answer, but: {sent}" if sent and not reader.has_content else "ended the stream before the answer was complete."
            )
            raise Unavailable(f"{where} {reason}", code=ErrorCode.stream_lost)
        try:
            yield reader.end()
        except Unavailable as error:
            raise Unavailable(f"{where}: {error.message}.", code=error.code) from None

    def _body(self, request: ModelRequest) -> bytes:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": with_reasoning(request.messages) if request.model in self._wants_reasoning else request.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = request.tools
        body.update(request.options)
        for field in self._refused.get(request.model, ()):
            if field == "max_tokens" and field in body:
                body["max_completion_tokens"] = body["max_tokens"]
            body.pop(field, None)
        return msgspec.json.encode(body)

    async def _refusal(self, answer: HttpResponse, request: ModelRequest) -> Exception:
        """The error of an answer with another status; ErrorInStream when the request can be sent again without a field."""
        failure = failures.of_body(await answer.read(ERROR_BYTES_MAX), answer.status)
        if failures.unsupported_field(failure) or failures.wants_reasoning(failure):
            return ErrorInStream(failure)
        return self._error(failure, request.model, answer.headers.get(b"retry-after", b""))

    def _adapt(self, request: ModelRequest, failure: Failure) -> bool:
        """Whether the request is sent again, without a field that the server does not know or with one that it demands."""
        if failures.wants_reasoning(failure) and request.model not in self._wants_reasoning:
            self._wants_reasoning.add(request.model)
            return True
        field = failures.unsupported_field(failure)
        refused = self._refused.setdefault(request.model, set())
        if field not in _OPTIONAL or field in refused or (field == "tools" and not request.tools):
            return False
        log.info("asked again without a field", provider=self.name, field=field)
        refused.add(field)
        return True

    def _error(self, failure: Failure, model: str, retry_after: bytes = b"") -> OptaError:
        shown = dataclasses.replace(failure, message=self.shown(failure.message))
        return failures.classify(shown, f"{self.name} at {self.host}", self.name, model, retry_after)


def with_reasoning(messages: msgspec.Raw) -> list[dict[str, Any]]:
    """Messages in which every answer says what was thought, nothing where that is not known: some servers demand the field."""
    found: list[dict[str, Any]] = msgspec.json.decode(messages)
    return [{"reasoning_content": "", **message} if message["role"] == "assistant" else message for message in found]
