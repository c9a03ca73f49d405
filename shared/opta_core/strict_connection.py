"""Connections as our HTTP servers take them: what a client has to send has a deadline, and a head is read strictly.

uvicorn alone waits for ever for the rest of a head or of a body, and reads heads whose lines end in a bare LF or go on in the next one.
A server mixes this into uvicorn's h11 protocol.
"""

import asyncio
import re
from typing import Any, ClassVar

import h11

# Our own clients send a head at once, and a body of a mebibyte within a blink.
HEAD_S, BODY_S = 5.0, 8.0
# Connections that still owe a head; when there are more, the oldest gives way, so that silence shuts nobody out.
OWING_MAX = 256
HEADER_BYTES_MAX, HEADERS_MAX = 16 * 1024, 100
_BARE_LF = re.compile(rb"(?<!\r)\n")
_FOLDED = re.compile(rb"\r\n[ \t]")


class StrictConnection(asyncio.Protocol):
    """Ends a connection that is late with a head or a body."""

    _owing: ClassVar[dict["StrictConnection", None]] = {}
    _state: Any = None
    # of uvicorn's protocol
    conn: Any
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
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
            if _FOLDED.search(head):
                self.send_400_response("A line of a head does not go on in the next one.")
                return
        super().data_received(data)
        # An upgrade gives the transport away while h11 still waits for the end of the request: nothing is owed here then.
        ours = self.transport.get_protocol() is self and not self.transport.is_closing()
        self._expect(self.conn.their_state if ours else None)

    def send_400_response(self, msg: str) -> None:
        """Of uvicorn's protocol."""
        super().send_400_response(msg)  # type: ignore[misc]

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
