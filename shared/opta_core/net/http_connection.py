"""One HTTP/1.1 connection and its responses: the body is streamed with one wake-up of the loop per chunk."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httptools

from opta_core.errors import Unavailable

# A server that loads a model or reads a long prompt sends nothing for a while.
FIRST_BYTE_S, BETWEEN_BYTES_S = 600.0, 300.0
HEADER_BYTES_MAX = 64 * 1024
# Unread bytes of a response; above this limit, reading from the socket is paused.
BUFFER_BYTES_MAX = 1024 * 1024
IDLE_MAX = 8


class HttpProblem(Unavailable):
    """No complete response arrived. `is_connected`: the server was reached. `is_silence`: it is connected and sends nothing."""

    def __init__(self, message: str, *, is_connected: bool = True, is_silence: bool = False):
        super().__init__(message)
        self.is_connected, self.is_silence = is_connected, is_silence


class HttpResponse:
    """One response. `status` and `headers` are known when `HttpClient.send` returns it; `chunks` streams the body."""

    def __init__(self, connection: "HttpConnection"):
        self.status = 0
        # Keys are in lower case.
        self.headers: dict[bytes, bytes] = {}
        self.is_whole = False
        # Whether the answer said how long its body is, so that one that was cut off is recognised.
        self.is_framed = False
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._problem: HttpProblem | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since = 0.0
        self._limit_s = FIRST_BYTE_S
        self._watch = self._loop.call_later(self._limit_s, self._look)

    async def head(self) -> None:
        """Wait for the status line and the headers. Raises HttpProblem."""
        while not self.status:
            if self._problem is not None:
                raise self._problem
            await self._more()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, in chunks as they arrive. Raises HttpProblem when the connection breaks."""
        while True:
            while self._buffer:
                content = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
                self._buffer.clear()
                self._buffered = 0
                self._connection.resume()
                if self._limit_s != BETWEEN_BYTES_S:
                    self._limit_s = BETWEEN_BYTES_S
                    self._watch.cancel()
                    self._watch = self._loop.call_later(self._limit_s, self._look)
                yield content
            if self.is_whole:
                return
            if self._problem is not None:
                raise self._problem
            await self._more()

    async def read(self, size_max: int) -> bytes:
        """The body, or the first `size_max` bytes of a longer one. Raises HttpProblem."""
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) >= size_max:
                break
        return bytes(content[:size_max])

    def close(self) -> None:
        """Release the response. The connection is reused when the body was read to its end, and closed otherwise."""
        self._watch.cancel()
        self._connection.release(self)

    def leave(self) -> bool:
        """Release the response and keep its connection in hand; whether it can take another request. It is closed otherwise."""
        self._watch.cancel()
        return self._connection.renew(self)

    async def _more(self) -> None:
        self._waiter = self._loop.create_future()
        self._waiting_since = self._loop.time()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look(self) -> None:
        """Check whether the server has been silent for too long. One timer per response costs less than one per chunk."""
        left_s = self._limit_s
        if self._waiter is not None:
            left_s -= self._loop.time() - self._waiting_since
            if left_s <= 0:
                self.fail(f"nothing came for {self._limit_s:g} s", is_silence=True)
                return
        self._watch = self._loop.call_later(max(left_s, 0.01), self._look)

    # called by the connection -----------------------------------------------------------------------

    def receive(self, content: bytes) -> bool:
        """Take a chunk of the body. Returns True when the reader is too far behind."""
        self._buffer.append(content)
        self._buffered += len(content)
        self.wake()
        return self._buffered > BUFFER_BYTES_MAX

    def finish(self) -> None:
        """Note that the body is complete."""
        self.is_whole = True
        self.wake()

    def fail(self, reason: str, *, is_silence: bool = False) -> None:
        """Note that no more data will arrive."""
        if not self.is_whole and self._problem is None:
            self._problem = HttpProblem(reason, is_silence=is_silence)
        self.wake()

    def wake(self) -> None:
        """Wake the reader."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class HttpConnection(asyncio.Protocol):
    """One connection with at most one response at a time. The parser calls the `on_*` methods."""

    def __init__(self, idle: "list[HttpConnection]"):
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: HttpResponse | None = None
        self._header_bytes = self._unparsed_bytes = 0
        self._ends_at_eof = True
        self._is_paused = self._may_stay = False
        self.is_fresh = True
        self.is_open = False

    def ask(self, request: bytes) -> HttpResponse:
        """Send a complete request."""
        assert self._transport is not None
        self._answer = HttpResponse(self)
        self._header_bytes = self._unparsed_bytes = 0
        self._ends_at_eof, self._may_stay = True, False
        self._transport.write(request)
        return self._answer

    def release(self, answer: HttpResponse) -> None:
        """End a response: keep the connection for reuse, or close it."""
        if self._answer is not answer or not self.renew(answer):
            return
        if len(self._idle) < IDLE_MAX:
            self._idle.append(self)
        else:
            self.cut()

    def renew(self, answer: HttpResponse) -> bool:
        """End the response that is open; whether the connection can take another request. One that cannot is closed."""
        self._answer = None
        if not (answer.is_whole and self.is_open and self._may_stay):
            self.cut()
            return False
        self.is_fresh = False
        self._parser = httptools.HttpResponseParser(self)
        self.resume()
        return True

    def cut(self) -> None:
        """Close at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Read on."""
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.cut()  # no request is open
            return
        self._unparsed_bytes += len(data)
        problem = ""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            problem = f"it does not speak HTTP ({error})"
        # The parser buffers an unfinished header, so count the bytes here.
        if not problem and (self._header_bytes if answer.status else self._unparsed_bytes) > HEADER_BYTES_MAX:
            problem = f"its headers are larger than {HEADER_BYTES_MAX // 1024} KiB"
        if problem:
            answer.fail(problem)
            self.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self in self._idle:
            self._idle.remove(self)
        if self._answer is not None:
            if exc is None and self._answer.status and self._ends_at_eof:
                self._answer.finish()
            else:
                self._answer.fail(f"the connection was closed ({exc or 'end of stream'})")

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._ends_at_eof = False
        if self._answer is not None and not self._answer.status:
            self._answer.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        # Informational responses such as 100 Continue come before the response.
        if self._answer is not None and (status := self._parser.get_status_code()) >= 200:
            self._answer.status = status
            self._answer.wake()

    def on_body(self, body: bytes) -> None:
        if self._answer is not None and self._answer.receive(body) and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._answer is None or not self._answer.status:
            self._ends_at_eof = True
            return
        # The parser resets this with the next message.
        self._answer.is_framed = not self._ends_at_eof
        self._may_stay = not self._ends_at_eof and self._parser.should_keep_alive()
        self._answer.finish()
