"""What LMX sends: whole answers, streams, and errors in the form of the API that was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from opta_core.errors import OptaError, Refused
from opta_protocol.errors import ErrorCode

from .auth import Caller
from .body import read_body

BODY_BYTES_MAX = 8 * 1024 * 1024
KEEPALIVE_S = 10.0
STATUS = {
    ErrorCode.bad_request: 400,
    ErrorCode.bad_json: 400,
    ErrorCode.invalid: 400,
    ErrorCode.context_overflow: 400,
    ErrorCode.unauthorized: 401,
    ErrorCode.denied: 403,
    ErrorCode.forbidden_host: 403,
    ErrorCode.forbidden_origin: 403,
    ErrorCode.not_found: 404,
    ErrorCode.model_not_found: 404,
    ErrorCode.method_not_allowed: 405,
    ErrorCode.conflict: 409,
    ErrorCode.too_large: 413,
    ErrorCode.too_many_requests: 429,
    ErrorCode.broken: 503,
}
# Codes that OpenAI's clients know by another name than ours.
CODES = {
    ErrorCode.context_overflow: "context_length_exceeded",
    ErrorCode.too_many_requests: "rate_limit_exceeded",
    ErrorCode.unauthorized: "invalid_api_key",
}
_ANTHROPIC = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error",
}  # fmt: skip

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """One request, and the way to answer it."""

    scope: Scope
    receive: Receive
    send: Send
    caller: Caller

    @property
    def path(self) -> str:
        """Without its query."""
        return str(self.scope["path"])

    async def body(self, kind: type[T]) -> T:
        """The body as `kind`. Raises Refused."""
        return read_body(await body_of(self.scope, self.receive), kind)

    async def json(self, status: int, body: Any) -> None:
        """Answer with JSON."""
        await send_json(self.send, status, body)


async def body_of(scope: Scope, receive: Receive) -> bytes:
    """The request's body. Raises Refused: too large, or the client left."""
    parts: list[bytes] = []
    size = 0
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(announced) > BODY_BYTES_MAX:
        raise Refused(f"The body is larger than {BODY_BYTES_MAX // 1024 // 1024} MiB.", code=ErrorCode.too_large)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("The client left before its body was complete.", code=ErrorCode.bad_request)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            raise Refused(f"The body is larger than {BODY_BYTES_MAX // 1024 // 1024} MiB.", code=ErrorCode.too_large)
        if not message.get("more_body"):
            return b"".join(parts)


async def send_body(send: Send, status: int, body: bytes, kind: bytes, headers: Headers | None = None) -> None:
    """A whole answer."""
    every = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, body: Any, headers: Headers | None = None) -> None:
    """A whole answer of JSON."""
    await send_body(send, status, msgspec.json.encode(body), b"application/json", headers)


async def send_error(send: Send, error: OptaError, path: str = "") -> None:
    """An error, as the clients of that path read it."""
    status = STATUS.get(error.code, 503)
    headers: Headers = [(b"retry-after", b"%d" % max(1, round(error.retry_after_s or 1)))] if status in (429, 503) else []
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send_body(send, status, error_body(error, path), b"application/json", headers)


def error_body(error: OptaError, path: str = "") -> bytes:
    """An error's JSON."""
    status = STATUS.get(error.code, 503)
    if path.startswith("/v1/messages"):
        return msgspec.json.encode({"type": "error", "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": error.message}})
    kind = "invalid_request_error" if status < 500 else "server_error"
    code = CODES.get(error.code, error.code)
    return msgspec.json.encode({"error": {"message": error.message, "type": kind, "code": code, "param": None}})


async def respond(
    receive: Receive,
    send: Send,
    path: str,
    headers: Headers,
    answers: list[AsyncIterator[Any]],
    *,
    frames: AsyncIterator[bytes] | None = None,
    whole: Coroutine[Any, Any, bytes] | None = None,
) -> None:
    """Send an answer as `frames` or `whole`; when the client leaves, `answers`, which it is made of, end."""
    gone = asyncio.create_task(_disconnected(receive), name="disconnect")
    try:
        if frames is not None:
            await _stream(send, frames, gone, path, headers)
        elif whole is not None:
            work = asyncio.create_task(whole, name="answer")
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await send_body(send, 200, work.result(), b"application/json", headers)
            else:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
    finally:
        gone.cancel()
        for answer in answers:
            await close(answer)


async def _stream(send: Send, frames: AsyncIterator[bytes], gone: "asyncio.Task[None]", path: str, headers: Headers) -> None:
    """Send frames until the answer or the client ends; while nothing comes, a comment says that we live."""
    stream = _EventStream(send, path, headers)
    work = asyncio.create_task(stream.carry(frames), name="stream")
    beat = asyncio.create_task(stream.beat(), name="beat")
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        beat.cancel()
        work.cancel()
        await asyncio.gather(work, beat, return_exceptions=True)
        await close(frames)


class _EventStream:
    """Server-sent events on their way. One task carries a whole answer: a task a token would cost more than the token."""

    def __init__(self, send: Send, path: str, headers: Headers):
        self._send, self._path = send, path
        self._headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), *headers]
        self._is_begun = self._has_spoken = False

    async def carry(self, frames: AsyncIterator[bytes]) -> None:
        """All of an answer. Raises OptaError when it fails before anything was said; after that the failure is a frame."""
        try:
            async for frame in frames:
                await self._say(frame)
        except OptaError as error:
            if not self._is_begun:
                raise
            await self._say(_error_frame(error, self._path))
        await self._send({"type": "http.response.body", "body": b""})

    async def beat(self) -> None:
        """Says now and then that we live, when nothing else did."""
        while True:
            self._has_spoken = False
            await asyncio.sleep(KEEPALIVE_S)
            if not self._has_spoken:
                await self._say(b": waiting\n\n")

    async def _say(self, content: bytes) -> None:
        self._has_spoken = True
        if not self._is_begun:
            self._is_begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._send({"type": "http.response.body", "body": content, "more_body": True})


def _error_frame(error: OptaError, path: str) -> bytes:
    # Anthropic's and the responses API's streams name their events; the older one of OpenAI does not.
    name = b"event: error\n" if path.startswith(("/v1/messages", "/v1/responses")) else b""
    return name + b"data: " + error_body(error, path) + b"\n\n"


async def close(iterator: AsyncIterator[Any]) -> None:
    """End an answer that nobody reads any more."""
    end = getattr(iterator, "aclose", None)
    if end is not None:
        with contextlib.suppress(RuntimeError):
            await end()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
