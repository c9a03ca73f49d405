"""The streamable HTTP transport of an MCP server: each message is a POST, answered with JSON or with server-sent events.

Protocol: modelcontextprotocol.io, "Transports", Streamable HTTP, with sessions, resumption, and a GET stream for notifications.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from opta_core.logs import Log
from opta_core.net.http_client import HttpClient, HttpProblem, HttpResponse

from .rpc import ConnectionEnded, Message, RpcSession, decoded, object_of

BODY_BYTES_MAX = 16 * 1024 * 1024
ERROR_BYTES_MAX = 4096
# How often a stream that broke before its answer is continued, and how long to wait when the server does not say.
RESUMES_MAX, RESUME_S, RESUME_S_MAX = 3, 1.0, 10.0
# The stream of notifications is opened again after this time.
LISTEN_AGAIN_S = 15.0
DELETE_S = 1.0
REDIRECTS_MAX = 2
log = Log("mcp")


@asynccontextmanager
async def connected(url: str, session: RpcSession, on_end: Callable[[str], None]) -> AsyncGenerator["HttpTransport", None]:
    """Connect a session to a server at an address. `on_end` gets the reason when the session is over. Raises ValueError."""
    transport = HttpTransport(url, session, on_end)
    session.attach(transport.send)
    try:
        yield transport
    finally:
        await transport.close()


class HttpTransport:
    """Carries one session. `protocol` is the agreed version, which is sent with every request after the first."""

    def __init__(self, url: str, session: RpcSession, on_end: Callable[[str], None]):
        self._client = HttpClient(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}")
        self._url, self._session, self._on_end = url, session, on_end
        self._path = _path_of(url)
        self._id = ""
        self.protocol = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> None:
        """Send a message. The answer to a request arrives at the session. Raises ConnectionEnded."""
        work = asyncio.create_task(self._post(message), name="mcp post")
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        if "id" not in message or "method" not in message:
            # A notification has no answer that could tell of a failure.
            await asyncio.shield(work)

    def listen(self) -> None:
        """Receive notifications that belong to no request, where the server offers a stream of them."""
        task = asyncio.create_task(self._listen(), name="mcp listen")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End the session at the server, and every request."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._id:
            with contextlib.suppress(HttpProblem, TimeoutError):
                async with asyncio.timeout(DELETE_S):
                    (await self._client.send("DELETE", self._path, headers=self._headers())).close()
        self._client.close()

    async def _post(self, message: Message) -> None:
        number = message.get("id") if "method" in message else None
        try:
            response = await self._asked(message)
            try:
                await self._take(response, number if isinstance(number, int) else None)
            finally:
                response.close()
        except HttpProblem as problem:
            self._failed(number, ConnectionEnded(f"{self._host} cannot be reached: {problem.message}"), ends=True)
        except ConnectionEnded as ended:
            self._failed(number, ended, ends=ended.is_session_lost)
        except ValueError as error:
            if isinstance(number, int):
                self._session.fail(number, error)

    def _failed(self, number: Any, problem: ConnectionEnded, *, ends: bool) -> None:
        if isinstance(number, int):
            self._session.fail(number, problem)
        if ends:
            self._session.end(problem)
            self._on_end(str(problem))

    async def _asked(self, message: Message) -> HttpResponse:
        body = json.dumps(message, separators=(",", ":")).encode()
        if message.get("method") == "tools/call":
            # On a connection that was idle, the client would send a request again that the server may have worked on.
            self._client.close()
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._client.send("POST", self._path, body, headers=self._headers())
            place = response.headers.get(b"location", b"").decode("latin-1")
            target = urljoin(self._url, place)
            if response.status not in (307, 308) or not place or urlsplit(target)[:2] != urlsplit(self._url)[:2]:
                return response
            # Only within the same server: the message may hold what only this server may see.
            response.close()
            self._url, self._path = target, _path_of(target)
        raise ConnectionEnded(f"{self._host} redirects too often")

    async def _take(self, response: HttpResponse, number: int | None) -> None:
        """Pass the answer to a POST on. Raises ConnectionEnded, HttpProblem, ValueError."""
        if response.status not in (200, 201, 202, 204):
            raise await self._refusal(response)
        if found := response.headers.get(b"mcp-session-id", b"").decode("latin-1"):
            self._id = found if found.isprintable() and len(found) <= 1024 else ""
        kind = response.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind == b"text/event-stream":
            await self._stream(response, number)
            return
        content = await response.read(BODY_BYTES_MAX + 1)
        if len(content) > BODY_BYTES_MAX:
            raise ValueError(f"the answer was longer than {BODY_BYTES_MAX // 1024**2} MiB; ask for less")
        if content.strip():
            answer = decoded(content)
            if answer is None and number is not None:
                raise ValueError(f"it answered with {kind.decode('latin-1')[:40] or 'text'} in place of a message")
            self._session.receive(answer)
        elif number is not None:
            raise ValueError("it sent no answer")

    async def _stream(self, response: HttpResponse, number: int | None) -> None:
        """Pass the messages of a stream on until the answer has arrived. A stream that breaks before is continued where it broke."""
        events = _Events()
        for attempt in range(RESUMES_MAX + 1):
            with contextlib.suppress(HttpProblem):
                async for content in events.of(response):
                    message = decoded(content)
                    self._session.receive(message)
                    answer = object_of(message)
                    if number is not None and "method" not in answer and answer.get("id") == number:
                        return
            if number is None or not events.last_id or attempt == RESUMES_MAX:
                break
            response.close()
            await asyncio.sleep(min(events.retry_s or RESUME_S, RESUME_S_MAX))
            response = await self._client.send("GET", self._path, headers=self._headers(accepts="text/event-stream", last=events.last_id))
            if response.status != 200:
                response.close()
                break
        response.close()
        if number is not None:
            self._session.fail(number, ValueError("its stream ended before the answer"))

    async def _listen(self) -> None:
        with contextlib.suppress(HttpProblem, ConnectionEnded, ValueError):
            while True:
                response = await self._client.send("GET", self._path, headers=self._headers(accepts="text/event-stream"))
                try:
                    if response.status != 200 or b"text/event-stream" not in response.headers.get(b"content-type", b""):
                        return
                    with contextlib.suppress(HttpProblem):
                        async for content in _Events().of(response):
                            self._session.receive(decoded(content))
                finally:
                    response.close()
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _refusal(self, response: HttpResponse) -> ConnectionEnded:
        with contextlib.suppress(HttpProblem):
            said = (await response.read(ERROR_BYTES_MAX)).decode(errors="replace")
            status = response.status
            is_lost = bool(self._id) and (status in (404, 410) or (status == 400 and "session" in said.lower()))
            if is_lost:
                return ConnectionEnded(f"{self._host} has ended the session", is_session_lost=True)
            if status in (401, 403):
                return ConnectionEnded(
                    f"{self._host} refuses access (HTTP {status}): it asks for a login or a key, which Opta does not send. Use a server that "
                    "needs none, or a local program that holds the key in its environment (opta mcp add --env)"
                )
            reason = _reason(said)
            return ConnectionEnded(f"{self._host} answered HTTP {status}" + (f": {reason}" if reason else ""))
        return ConnectionEnded(f"{self._host} answered HTTP {response.status}")

    @property
    def _host(self) -> str:
        return self._client.host

    def _headers(self, accepts: str = "application/json, text/event-stream", last: str = "") -> dict[str, str]:
        found = {"Accept": accepts}
        if self._id:
            found["Mcp-Session-Id"] = self._id
        if self.protocol:
            found["MCP-Protocol-Version"] = self.protocol
        return found | ({"Last-Event-ID": last} if last else {})


class _Events:
    """Reads server-sent events (HTML standard, "Server-sent events"). `last_id` and `retry_s` are what the server sent last."""

    def __init__(self) -> None:
        self.last_id, self.retry_s = "", 0.0

    async def of(self, response: HttpResponse) -> AsyncIterator[bytes]:
        """The data of each event. Raises HttpProblem, ValueError for one that is too long."""
        part, data = bytearray(), list[bytes]()
        size = 0
        held = b""
        async for chunk in response.chunks():
            # The second character of a line end may come with the next chunk.
            chunk = held + chunk
            held = b"\r" if chunk.endswith(b"\r") else b""
            chunk = chunk[:-1] if held else chunk
            part += chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if len(part) + size > BODY_BYTES_MAX:
                raise ValueError(f"the answer was longer than {BODY_BYTES_MAX // 1024**2} MiB; ask for less")
            *lines, rest = part.split(b"\n")
            part = bytearray(rest)
            for line in lines:
                if not line:
                    if data:
                        yield b"\n".join(data)
                    data, size = [], 0
                    continue
                size += len(line)
                self._field(bytes(line), data)
        if data:
            yield b"\n".join(data)

    def _field(self, line: bytes, data: list[bytes]) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name.removeprefix(b"\xef\xbb\xbf"):
            case b"data":
                data.append(value)
            case b"id":
                text = value.decode("latin-1")
                self.last_id = text if text.isprintable() and len(text) <= 1024 else ""
            case b"retry" if value.isdigit() and len(value) < 9:
                self.retry_s = int(value) / 1000
            case _:
                pass


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _reason(said: str) -> str:
    """The message of an error body, on one line."""
    found = object_of(decoded(said.encode()))
    error: Any = found.get("error") or found.get("message")
    text: Any = object_of(error).get("message", "") if isinstance(error, dict) else error
    if not text:
        text = "" if found or said.lstrip().startswith("<") else said
    return " ".join(str(text).split())[:200]
