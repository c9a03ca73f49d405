"""The HTTP connection of the gateway and the desktop process: deadlines for the client, and strict parsing of request heads.

uvicorn's h11 protocol waits for ever for the rest of a head or of a body, and accepts heads with bare LF line endings or folded lines.
"""

import asyncio
import re
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .deadline import Deadline

# Opta's clients send a head at once, and a body of one MiB within milliseconds.
HEAD_S, BODY_S = 5.0, 8.0
# Connections without a complete head. Above this number the oldest is closed, so that silent clients do not block others.
OWING_MAX = 256
_BARE_LF = re.compile(rb"(?<!\r)\n")
_FOLDED = re.compile(rb"\r\n[ \t]")


class StrictConnection(H11Protocol):
    """Aborts a connection whose head or body is late, and refuses heads that another server could parse differently."""

    _owing: ClassVar[dict["StrictConnection", None]] = {}
    _deadline: Deadline | None = None
    _state: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = Deadline(self.loop, self._give_up)
        self._expect(h11.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:
            head = (bytes(self.conn.trailing_data[0]) + data).partition(b"\r\n\r\n")[0]
            if _BARE_LF.search(head):
                self.send_400_response("Header lines must end with CR LF.")
                return
            if _FOLDED.search(head):
                self.send_400_response("Folded header lines are not allowed.")
                return
        super().data_received(data)
        # An upgrade hands the transport to the WebSocket protocol while h11 still waits for the end of the request.
        is_ours = self.transport.get_protocol() is self and not self.transport.is_closing()
        self._expect(self.conn.their_state if is_ours else None)

    def _expect(self, state: Any) -> None:
        """Set the deadline for the data that ends the h11 state `state`. It counts from the start of the state."""
        if state is self._state or self._deadline is None:
            return
        self._state = state
        self._owing.pop(self, None)
        self._deadline.clear()
        if state is h11.IDLE:
            self._owing[self] = None
            if len(self._owing) > OWING_MAX:
                next(iter(self._owing))._give_up()
        if state is h11.IDLE or state is h11.SEND_BODY:
            self._deadline.set(HEAD_S if state is h11.IDLE else BODY_S)

    def _give_up(self) -> None:
        self._expect(None)
        self.transport.abort()
