"""What providers over HTTP share: a request, a stream that a reader turns into parts, errors from one table.

A provider says what it asks (`_body`), how the answer is read (`_reader`), and what it may change after a refusal (`_adapt`).
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import redact
from opta_core.net.http_client import Challenge, HttpClient, HttpProblem, HttpResponse, UnverifiedServer
from opta_core.secrets.vault import Secret
from opta_protocol.error_info import ErrorCode

from . import failures
from .answer_reader import ErrorInStream
from .base import ModelRequest, Notice, Part
from .event_reader import EventReader
from .failures import Failure
from .sse import TooLarge

ERROR_BYTES_MAX, ERROR_CHARS_MAX = 64 * 1024, 500
END_S = 0.2
# So much of an answer is read before others have their turn: a millisecond's work.
SLICE_BYTES = 32 * 1024


class HttpProvider:
    """One server. Owns its connections. Raises Refused when the address is none."""

    # Where requests go, below the base URL.
    path = ""

    def __init__(
        self,
        name: str,
        base_url: str,
        key: Secret | None = None,
        certificate: str = "",
        challenge: Challenge | None = None,
        headers: dict[str, str] | None = None,
    ):
        self.name = name
        self._key = key
        if headers is None:
            headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
        try:
            self._http = HttpClient(base_url, headers, certificate, challenge)
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
            reader = self._reader(request)
            if notice := self._notice(request):
                yield [Notice(notice)]
            try:
                async for parts in self._read(request, reader):
                    yield parts
                return
            except ErrorInStream as error:
                adapted = None if reader.has_content else self._adapt(request, error.failure)
                if adapted is None:
                    raise self._error(error.failure, request.model) from None
                request = adapted

    # what a provider defines --------------------------------------------------------------------------

    def _body(self, request: ModelRequest) -> bytes:
        raise NotImplementedError

    def _reader(self, request: ModelRequest) -> EventReader:
        raise NotImplementedError

    def _adapt(self, request: ModelRequest, failure: Failure) -> ModelRequest | None:
        """The request to send after a refusal; None when another one cannot help."""
        raise NotImplementedError

    def _notice(self, request: ModelRequest) -> str:
        """What a person should know about this request, and reads once in a turn; mostly nothing."""
        return ""

    def _patience(self) -> tuple[float, float]:
        """Seconds until the first word of an answer, and without a word after that."""
        raise NotImplementedError

    # the request -----------------------------------------------------------------------------------------

    async def _read(self, request: ModelRequest, reader: EventReader) -> AsyncGenerator[list[Part], None]:
        """One request. Raises OptaError, ErrorInStream."""
        where = f"{self.name} at {self.host}"
        is_started = False
        first_s, gap_s = self._patience()
        try:
            with contextlib.closing(await self._http.send("POST", self.path, self._body(request))) as answer:
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
                    limit_s = gap_s if reader.has_content else first_s
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
                    details={"isUnreachable": True},
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

    async def _refusal(self, answer: HttpResponse, request: ModelRequest) -> Exception:
        """The error of an answer with another status; ErrorInStream when the request may be sent again in another form."""
        failure = failures.of_body(await answer.read(ERROR_BYTES_MAX), answer.status)
        if self._may_adapt(failure):
            return ErrorInStream(failure)
        return self._error(failure, request.model, answer.headers.get(b"retry-after", b""))

    def _may_adapt(self, failure: Failure) -> bool:
        """Whether `_adapt` is to look at a refusal."""
        return failures.unsupported_field(failure) != "" or failures.wants_reasoning(failure)

    def _error(self, failure: Failure, model: str, retry_after: bytes = b"") -> OptaError:
        shown = dataclasses.replace(failure, message=self.shown(failure.message))
        return failures.classify(shown, f"{self.name} at {self.host}", self.name, model, retry_after)
