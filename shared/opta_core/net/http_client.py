"""HTTP/1.1 client for model servers: streams the response body with one wake-up of the loop per chunk.

It follows no redirect and uses no proxy, so that a key is sent only to the configured server.
docs/adr/0006 explains why this is not a library.
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
# A server that loads a model or reads a long prompt sends nothing for a while.
FIRST_BYTE_S, BETWEEN_BYTES_S = 600.0, 300.0
HEADER_BYTES_MAX = 64 * 1024
# Unread bytes of a response; above this limit, reading from the socket is paused.
BUFFER_BYTES_MAX = 1024 * 1024
IDLE_MAX = 8
PROOF_BYTES_MAX = 1024


class HttpProblem(Unavailable):
    """No complete response arrived. `is_connected`: the server was reached. `is_silence`: it is connected and sends nothing."""

    def __init__(self, message: str, *, is_connected: bool = True, is_silence: bool = False):
        super().__init__(message)
        self.is_connected, self.is_silence = is_connected, is_silence


class UnverifiedServer(HttpProblem):
    """The server did not prove its identity. Nothing but the challenge was sent to it. The message is a complete sentence."""


class Challenge(Protocol):
    """A challenge that is sent first on every connection. Without the right response, nothing else is sent on the connection."""

    def question(self, port: int) -> tuple[str, str]:
        """(path to request, expected body). Raises HttpProblem when the key for the challenge does not exist."""
        ...

    def failure_message(self, host: str) -> str:
        """The error message for a wrong response."""
        ...


class HttpResponse:
    """One response. `status` and `headers` are known when `HttpClient.send` returns it; `chunks` streams the body."""

    def __init__(self, connection: "_Connection"):
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


class _Connection(asyncio.Protocol):
    """One connection with at most one response at a time. The parser calls the `on_*` methods."""

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


class HttpClient:
    """Requests to one server. `base_url` is the prefix of every path; `headers` are sent with every request.

    `certificate`: a PEM file; only a server with exactly this certificate is accepted. `challenge`: every connection must answer it
    before any other header or body is sent.
    """

    def __init__(self, base_url: str, headers: dict[str, str] | None = None, certificate: str = "", challenge: Challenge | None = None):
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is not an http:// or https:// address")
        self.url = base_url.rstrip("/")
        self._is_tls = parts.scheme == "https"
        self._address = parts.hostname, parts.port or (443 if self._is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        self._head = f"Host: {self.host}\r\nUser-Agent: opta\r\nAccept-Encoding: identity\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in (headers or {}).items()
        )
        sent_texts = [self._prefix, self.host, *(text for pair in (headers or {}).items() for text in pair)]
        if any(not 32 <= ord(character) <= 126 for text in sent_texts for character in text):
            raise ValueError("a header or the address contains a character that HTTP does not allow")
        self._idle: list[_Connection] = []
        self._certificate = certificate
        self._challenge = challenge
        self._tls: ssl.SSLContext | None = None

    async def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> HttpResponse:
        """Send a request; returns when the status is known. The caller must close the response. Raises HttpProblem.

        `headers`: of this request only, without line breaks.
        """
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._head}"
        for name, value in ({"Accept": "*/*"} | (headers or {})).items():
            if any(not 32 <= ord(character) <= 126 for character in value):
                raise HttpProblem(f"the header {name} contains a character that HTTP does not allow", is_connected=False)
            head += f"{name}: {value}\r\n"
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
                # The server may have just closed the idle connection: retry once on a new one.
                if connection.is_fresh or problem.is_silence:
                    raise
            except BaseException:
                answer.close()
                raise

    async def get(self, path: str, timeout_s: float, size_max: int = 1024 * 1024) -> tuple[int, bytes]:
        """GET: (status, body). Raises HttpProblem."""
        return await self.ask("GET", path, None, timeout_s, size_max)

    async def ask(self, method: str, path: str, body: bytes | None, timeout_s: float, size_max: int = 1024 * 1024) -> tuple[int, bytes]:
        """Any request: (status, body), with at most `size_max` bytes of the body. Raises HttpProblem."""
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self.send(method, path, body)
                with contextlib.closing(answer):
                    return answer.status, await answer.read(size_max)
        except TimeoutError:
            raise HttpProblem(f"nothing came for {timeout_s:g} s") from None

    def close(self) -> None:
        """Close every idle connection."""
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
        """Send the challenge on this connection, because another connection may reach another server. Raises HttpProblem."""
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
            # The server may just be stopping, so it is not reported as unverified. Nothing was sent to it.
            raise HttpProblem(f"it did not prove its identity: {problem}", is_connected=False) from problem
        finally:
            is_usable = answer.leave()
        if not is_proven:
            connection.cut()
            raise UnverifiedServer(challenge.failure_message(self.host))
        if not is_usable:
            raise HttpProblem("it closed the connection on which it had proved its identity", is_connected=False)
        connection.is_fresh = True


def _pinned(certificate: str) -> ssl.SSLContext:
    """A context that trusts one certificate, whatever the host name: only the paired machine has its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certificate)
    return context
