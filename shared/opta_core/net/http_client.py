"""HTTP/1.1 client for model servers, which keeps its connections.

It follows no redirect and uses no proxy, so that a key is sent only to the configured server.
docs/adr/0006 explains why this is not a library.
"""

import asyncio
import contextlib
import hmac
import socket
import ssl
from typing import Protocol
from urllib.parse import urlsplit

from .http_connection import HttpConnection
from .http_connection import HttpProblem as HttpProblem
from .http_connection import HttpResponse as HttpResponse

CONNECT_S = 5.0
PROOF_BYTES_MAX = 1024
# A machine that vanished (power, cable) is as silent as one that reads a long prompt. After IDLE_S without a byte the kernel asks
# whether it is there; without PROBES answers, one every PROBE_EVERY_S, the connection is lost. No limit on what was sent and not
# acknowledged: a server that computes one request after the other may leave a long prompt in its socket for minutes.
IDLE_S, PROBE_EVERY_S, PROBES = 10, 5, 3


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
        self._idle: list[HttpConnection] = []
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

    async def _connect(self) -> HttpConnection:
        try:
            if self._is_tls and self._tls is None:
                self._tls = _pinned(self._certificate) if self._certificate else ssl.create_default_context()
            async with asyncio.timeout(CONNECT_S):
                transport, connection = await asyncio.get_running_loop().create_connection(
                    lambda: HttpConnection(self._idle), *self._address, ssl=self._tls
                )
                _notice_loss(transport)
                if self._challenge is not None:
                    await self._prove(connection, self._challenge)
                return connection
        except TimeoutError:
            raise HttpProblem(f"no connection within {CONNECT_S:g} s", is_connected=False) from None
        except OSError as error:
            raise HttpProblem(error.strerror or str(error) or type(error).__name__, is_connected=False) from error

    async def _prove(self, connection: HttpConnection, challenge: Challenge) -> None:
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


def _notice_loss(transport: asyncio.Transport) -> None:
    """Have the kernel end the connection when the other machine is gone."""
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is None:
        return
    # Linux has the first name of the idle time, macOS the second.
    options = {"TCP_KEEPIDLE": IDLE_S, "TCP_KEEPALIVE": IDLE_S, "TCP_KEEPINTVL": PROBE_EVERY_S, "TCP_KEEPCNT": PROBES}
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in options.items():
            if (number := getattr(socket, name, None)) is not None:
                found.setsockopt(socket.IPPROTO_TCP, number, value)


def _pinned(certificate: str) -> ssl.SSLContext:
    """A context that trusts one certificate, whatever the host name: only the paired machine has its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certificate)
    return context
