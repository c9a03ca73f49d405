"""Connections as LMX takes them: a head and a body have a deadline, and a head a limit. uvicorn alone has none of these."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A body is 8 MiB at most, and comes from near.
HEAD_S, BODY_S = 5.0, 30.0
HEAD_BYTES_MAX = 64 * 1024


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
        super().on_headers_complete()
        self._is_in_head = False
        self._within(BODY_S)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._within(0)

    def _within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort) if seconds else None
