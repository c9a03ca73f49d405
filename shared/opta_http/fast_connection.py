"""The HTTP connection of LMX: httptools, which needs less time per token than h11, with deadlines and limits that uvicorn lacks."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opta_core.errors import OptaError, Refused, Unavailable
from opta_protocol.error_info import ErrorCode

from .asgi import App, Receive, Scope, Send
from .deadline import Deadline

# A body has at most 8 MiB and comes from the local network.
HEAD_S, BODY_S = 5.0, 30.0
HEAD_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 512


class FastConnection(HttpToolsProtocol):
    """Aborts a connection that is late, or whose head is too large. Each server has a subclass that writes its errors."""

    _deadline: Deadline | None = None
    _is_in_head = True
    _head_bytes = 0

    def error_body(self, error: OptaError) -> bytes:
        """The JSON body of a response with status 400."""
        raise NotImplementedError

    async def send_error(self, send: Send, error: OptaError, path: str) -> None:
        """Respond to a complete request with an error."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = Deadline(self.loop, transport.abort)
        self._deadline.set(HEAD_S)

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
        is_full = len(self.connections) > CONNECTIONS_MAX
        self.app = self._refuse_for_now() if is_full else config.loaded_app
        super().on_headers_complete()
        self._is_in_head = False
        self._within(BODY_S)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._within(0)

    def send_400_response(self, msg: str) -> None:
        """Sends a JSON error instead of uvicorn's plain text."""
        body = self.error_body(Refused(msg, code=ErrorCode.bad_request))
        kind = b"content-type: application/json\r\nconnection: close\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%bcontent-length: %d\r\n\r\n%b" % (kind, len(body), body))
        self.transport.close()

    def _refuse_for_now(self) -> App:
        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            await self.send_error(send, Unavailable(f"{CONNECTIONS_MAX} connections are open.", retry_after_s=1), scope["path"])

        return refuse

    def _within(self, seconds: float) -> None:
        if self._deadline is None:
            return
        if seconds:
            self._deadline.set(seconds)
        else:
            self._deadline.clear()
