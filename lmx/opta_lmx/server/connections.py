"""Connections as LMX takes them: a head and a body have a deadline, and a head a limit. uvicorn alone has none of these.

What it refuses by itself is told as all other errors are.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opta_core.errors import Refused, Unavailable
from opta_protocol.errors import ErrorCode

from .sse import Receive, Scope, Send, error_body, send_error

# A body is 8 MiB at most, and comes from near.
HEAD_S, BODY_S = 5.0, 30.0
HEAD_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 512


class HttpConnection(HttpToolsProtocol):
    """Ends a connection that is late, or whose head does not end."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._within(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._within(0)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The head is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._within(HEAD_S)

    def on_headers_complete(self) -> None:
        config: Any = self.config
        self.app = config.loaded_app if len(self.connections) <= CONNECTIONS_MAX else _refuse_for_now
        super().on_headers_complete()
        self._is_in_head = False
        self._within(BODY_S)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._within(0)

    def send_400_response(self, msg: str) -> None:
        body = error_body(Refused(msg, code=ErrorCode.bad_request))
        kind = b"content-type: application/json\r\nconnection: close\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%bcontent-length: %d\r\n\r\n%b" % (kind, len(body), body))
        self.transport.close()

    def _within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort) if seconds else None


async def _refuse_for_now(scope: Scope, receive: Receive, send: Send) -> None:
    await send_error(send, Unavailable(f"{CONNECTIONS_MAX} connections are open.", retry_after_s=1), scope["path"])
