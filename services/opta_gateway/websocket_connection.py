"""WebSocket connections with limits on pings and fragments.

uvicorn alone answers pings as fast as they come, and collects the fragments of a message without counting them.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

PINGS_A_SECOND, FRAGMENTS_MAX = 50, 1024


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Closes a client that floods, and a handshake that cannot be read (uvicorn leaves it open without an answer)."""

    _pings_since, _pings = 0.0, 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()

    def handle_ping(self) -> None:
        now = self.loop.time()
        if now - self._pings_since > 1:
            self._pings_since, self._pings = now, 0
        self._pings += 1
        if self._pings > PINGS_A_SECOND:
            self._refuse("too many pings")
        else:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self._refuse("too many fragments")
        else:
            super().handle_cont(event)

    def _refuse(self, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(1008, reason)
            self.handle_parser_exception()
