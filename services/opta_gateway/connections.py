"""Connections as the gateway takes them: what a client has to send has a deadline, and framing is strict.

uvicorn alone waits for ever for the rest of a head or of a body, reads heads whose lines end in a bare LF,
answers pings as fast as they come, and collects the fragments of a message without counting them.
"""

import asyncio
import re
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

# Our own clients send a head at once, and a body of a mebibyte within a blink.
HEAD_S, BODY_S = 5.0, 8.0
# Connections that still owe a head; when there are more, the oldest gives way, so that silence shuts nobody out.
OWING_MAX = 256
PINGS_A_SECOND, FRAGMENTS_MAX = 50, 1024
_BARE_LF = re.compile(rb"(?<!\r)\n")


class HttpConnection(H11Protocol):
    """Ends a connection that is late with a head or a body."""

    _owing: ClassVar[dict["HttpConnection", None]] = {}
    _state: Any = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(h11.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:
            head = (bytes(self.conn.trailing_data[0]) + data).partition(b"\r\n\r\n")[0]
            if _BARE_LF.search(head):
                self.send_400_response("Lines of a head end in CR LF.")
                return
        super().data_received(data)
        # An upgrade gives the transport away while h11 still waits for the end of the request: nothing is owed here then.
        ours = self.transport.get_protocol() is self and not self.transport.is_closing()
        self._expect(self.conn.their_state if ours else None)

    def _expect(self, state: Any) -> None:
        """The client owes what ends `state`; the clock runs from when it began to."""
        if state is self._state:
            return
        self._state = state
        self._owing.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if state is h11.IDLE:
            self._owing[self] = None
            if len(self._owing) > OWING_MAX:
                next(iter(self._owing))._give_up()
        if state is h11.IDLE or state is h11.SEND_BODY:
            self._deadline = self.loop.call_later(HEAD_S if state is h11.IDLE else BODY_S, self._give_up)

    def _give_up(self) -> None:
        self._expect(None)
        self.transport.abort()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Ends a client that floods, and a handshake that cannot be read (the original leaves it open without an answer)."""

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
