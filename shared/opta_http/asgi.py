"""ASGI types, and functions that every ASGI application needs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class TrackedSend:
    """A `send` that records whether the response has begun. After that, no error response can be sent."""

    def __init__(self, send: Send):
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """Send an ASGI message."""
        self.has_begun = True
        await self._send(message)


def header_values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of header `name` (in lower case), in the order in which they were sent."""
    return [value for key, value in headers if key == name]


def query_of(scope: Scope) -> dict[str, list[str]]:
    """The parameters of the query string. A parameter without a value is ''."""
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def without_body(send: Send) -> Send:
    """A `send` for the answers to HEAD: the head as GET would have it, and no body."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


async def send_response(send: Send, status: int, headers: Headers, body: bytes, *, is_head: bool = False) -> None:
    """Send a complete response with its Content-Length. `is_head`: the request was HEAD, so the body is not sent."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
