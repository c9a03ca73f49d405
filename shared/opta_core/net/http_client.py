"""HTTP/1.1 to model servers: an answer's bytes as they come, at one wake-up of the loop a chunk.

Redirects are not followed and no proxy is asked, so that a key goes nowhere but where it was meant for.
Why not a library: see docs/adr/0006.
"""

import asyncio
import contextlib
import hmac
import ssl
from collections.abc import AsyncIterator
from typing import Protocol, cast
from urllib.parse import urlsplit

import httptools

from opta_core.errors import Unavailable

CONNECT_S = 5.0
# A server that loads a model or reads a long prompt says nothing for a while.
FIRST_BYTE_S, BETWEEN_BYTES_S = 600.0, 300.0
HEADER_BYTES_MAX = 64 * 1024
# What a reader has not taken; above it the server has to wait.
BUFFER_BYTES_MAX = 1024 * 1024
IDLE_MAX = 8
PROOF_BYTES_MAX = 1024


class HttpProblem(Unavailable):
    """No whole answer came. `is_connected`: the server was reached; `is_silence`: it is there and says nothing."""

    def __init__(self, message: str, *, is_connected: bool = True, is_silence: bool = False):
        super().__init__(message)
        self.is_connected, self.is_silence = is_connected, is_silence


class Stranger(HttpProblem):
    """Whoever listens there is not who was meant, and was sent nothing but a question. The message says so in full."""


class Challenge(Protocol):
    """Asked first on every connection; nothing else is sent on one that does not answer it."""

    def question(self, port: int) -> tuple[str, str]:
        """(the path to ask, the answer to expect). Raises HttpProblem when there is nothing to ask with."""
        ...

    def stranger(self, host: str) -> str:
        """What to tell a person when the answer was wrong."""
        ...


class HttpResponse:
    """One answer. `status` and `headers` are known once `HttpClient.send` returns it; the body comes by `chunks`."""

    def __init__(self, connection: "_Connection"):
        self.status = 0
        # By their names in lower case.
        self.headers: dict[bytes, bytes] = {}
        self.is_whole = False
        # Whether the answer said how long its body is, so that a whole one can be told from one that was cut off.
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
        """The body, in whatever pieces it comes. Raises HttpProblem when it breaks off."""
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
        """The body, or the beginning of a larger one. Raises HttpProblem."""
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) >= size_max:
                break
        return bytes(content[:size_max])

    def close(self) -> None:
        """Done with it: a connection whose answer was read whole is used again, any other is cut."""
        self._watch.cancel()
        self._connection.release(self)

    async def _more(self) -> None:
        self._waiter = self._loop.create_future()
        self._waiting_since = self._loop.time()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look(self) -> None:
        """Runs when the server may have been silent for too long; one timer an answer, not one a chunk."""
        left_s = self._limit_s
        if self._waiter is not None:
            left_s -= self._loop.time() - self._waiting_since
            if left_s <= 0:
                self.fail(f"nothing came for {self._limit_s:g} s", is_silence=True)
                return
        self._watch = self._loop.call_later(max(left_s, 0.01), self._look)

    # called by the connection -----------------------------------------------------------------------

    def feed(self, content: bytes) -> bool:
        """Take in a piece of the body; True when the reader is too far behind."""
        self._buffer.append(content)
        self._buffered += len(content)
        self.wake()
        return self._buffered > BUFFER_BYTES_MAX

    def finish(self) -> None:
        """The body is whole."""
        self.is_whole = True
        self.wake()

    def fail(self, reason: str, *, is_silence: bool = False) -> None:
        """No more will come."""
        if not self.is_whole and self._problem is None:
            self._problem = HttpProblem(reason, is_silence=is_silence)
        self.wake()

    def wake(self) -> None:
        """Let the reader look."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection; at most one answer at a time. The parser calls the `on_*` methods."""

    def __init__(self, idle: "list[_Connection]"):
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
        """Send a whole request."""
        assert self._transport is not None
        self._answer = HttpResponse(self)
        self._header_bytes = self._unparsed_bytes = 0
        self._ends_at_eof, self._may_stay = True, False
        self._transport.write(request)
        return self._answer

    def release(self, answer: HttpResponse) -> None:
        """The answer is done with."""
        if self._answer is not answer:
            return
        self._answer = None
        if answer.is_whole and self.is_open and self._may_stay and len(self._idle) < IDLE_MAX:
            self.is_fresh = False
            self._parser = httptools.HttpResponseParser(self)
            self.resume()
            self._idle.append(self)
        else:
            self.cut()

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
            self.cut()  # nobody asked
            return
        self._unparsed_bytes += len(data)
        problem = ""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            problem = f"it does not speak HTTP ({error})"
        # One header without end is never handed over by the parser, so what it holds back is counted too.
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
        # 100 Continue and its like come before the answer.
        if self._answer is not None and (status := self._parser.get_status_code()) >= 200:
            self._answer.status = status
            self._answer.wake()

    def on_body(self, body: bytes) -> None:
        if self._answer is not None and self._answer.feed(body) and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._answer is None or not self._answer.status:
            self._ends_at_eof = True
            return
        # The parser forgets it with the next message.
        self._answer.is_framed = not self._ends_at_eof
        self._may_stay = not self._ends_at_eof and self._parser.should_keep_alive()
        self._answer.finish()


class HttpClient:
    """Requests to one server. `base_url` goes before every path; `headers` go with every request.

    `certificate`: a PEM file; only the server that has this very certificate is spoken to. `challenge`: what every connection has to
    answer before a header or a body of ours goes over it.
    """

    def __init__(self, base_url: str, headers: dict[str, str] | None = None, certificate: str = "", challenge: Challenge | None = None):
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is no http:// or https:// address")
        self.url = base_url.rstrip("/")
        self._is_tls = parts.scheme == "https"
        self._address = parts.hostname, parts.port or (443 if self._is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        self._head = f"Host: {self.host}\r\nUser-Agent: opta\r\nAccept: */*\r\nAccept-Encoding: identity\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in (headers or {}).items()
        )
        told = [self._prefix, self.host, *(text for pair in (headers or {}).items() for text in pair)]
        if any(not 32 <= ord(character) <= 126 for text in told for character in text):
            raise ValueError("a header or the address holds a character that HTTP does not carry")
        self._idle: list[_Connection] = []
        self._certificate = certificate
        self._challenge = challenge
        self._tls: ssl.SSLContext | None = None

    async def send(self, method: str, path: str, body: bytes | None = None) -> HttpResponse:
        """Ask; returns when the status is known. Whoever gets an answer closes it. Raises HttpProblem."""
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._head}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        request = head.encode("ascii", "replace") + b"\r\n" + (body or b"")
        while True:
            connection = self._idle.pop() if self._idle else await self._connect()
            answer = connection.ask(request)
            try:
                await answer.head()
                return answer
            except HttpProblem as problem:
                answer.close()
                # A kept connection may have been closed by the server in this very moment: ask once more on a fresh one.
                if connection.is_fresh or problem.is_silence:
                    raise
            except BaseException:
                answer.close()
                raise

    async def get(self, path: str, timeout_s: float, size_max: int = 1024 * 1024) -> tuple[int, bytes]:
        """(status, body). Raises HttpProblem."""
        return await self.ask("GET", path, None, timeout_s, size_max)

    async def ask(self, method: str, path: str, body: bytes | None, timeout_s: float, size_max: int = 1024 * 1024) -> tuple[int, bytes]:
        """(status, body) of any request. Raises HttpProblem."""
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self.send(method, path, body)
                with contextlib.closing(answer):
                    return answer.status, await answer.read(size_max)
        except TimeoutError:
            raise HttpProblem(f"nothing came for {timeout_s:g} s") from None

    def close(self) -> None:
        """Cut every idle connection."""
        for connection in list(self._idle):
            connection.cut()
        self._idle.clear()

    async def _connect(self) -> _Connection:
        try:
            if self._is_tls and self._tls is None:
                self._tls = _pinned(self._certificate) if self._certificate else ssl.create_default_context()
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self._idle), *self._address, ssl=self._tls
                )
                if self._challenge is not None:
                    await self._prove(connection, self._challenge)
                return connection
        except TimeoutError:
            raise HttpProblem(f"no connection within {CONNECT_S:g} s", is_connected=False) from None
        except OSError as error:
            raise HttpProblem(error.strerror or str(error) or type(error).__name__, is_connected=False) from error

    async def _prove(self, connection: _Connection, challenge: Challenge) -> None:
        """Have the server answer on this very connection; one that goes elsewhere later proves nothing. Raises HttpProblem."""
        try:
            path, expected = challenge.question(self._address[1])
        except HttpProblem:
            connection.cut()
            raise
        answer = connection.ask(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: opta\r\n\r\n".encode())
        try:
            await answer.head()
            given = await answer.read(PROOF_BYTES_MAX)
            is_proven = answer.status == 200 and hmac.compare_digest(given, expected.encode())
        except HttpProblem as problem:
            # A server that stops in this moment is no stranger; either way nothing was sent to it.
            raise HttpProblem(f"it did not say who it is: {problem}", is_connected=False) from problem
        finally:
            answer.close()
            if connection in self._idle:
                self._idle.remove(connection)
        if not is_proven or not connection.is_open:
            connection.cut()
            raise Stranger(challenge.stranger(self.host))
        connection.is_fresh = True


def _pinned(certificate: str) -> ssl.SSLContext:
    """Trusts one certificate and no name: whoever has its key is who was paired with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certificate)
    return context
