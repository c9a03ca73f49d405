"""Framing between server and engine process over a socket pair: a length (4 bytes, little-endian), then JSON.

Not the bus: there are no other subscribers, and a token must not wake two more threads (docs/adr/0017).
"""

import asyncio
from collections.abc import Callable
from typing import cast


def packed(content: bytes) -> bytes:
    """One frame."""
    return len(content).to_bytes(4, "little") + content


class Unpacker:
    """Takes bytes as they arrive, returns complete frames."""

    def __init__(self) -> None:
        # Grows in place: a frame with pictures arrives in hundreds of pieces.
        self._held = bytearray()

    def unpack(self, data: bytes) -> list[bytes]:
        """The contents of the frames that are complete now."""
        if self._held:
            self._held += data
        held = self._held or data
        found: list[bytes] = []
        at = 0
        while len(held) - at >= 4:
            end = at + 4 + int.from_bytes(held[at : at + 4], "little")
            if len(held) < end:
                break
            found.append(bytes(held[at + 4 : end]))
            at = end
        if held is self._held:
            del self._held[:at]
        else:
            self._held += held[at:]
        return found


class EngineConnection(asyncio.Protocol):
    """The server's end. `send` never waits: unsent data is buffered."""

    def __init__(self, on_message: Callable[[bytes], None]):
        self._on_message, self._unpacker = on_message, Unpacker()
        self._transport: asyncio.Transport | None = None

    def send(self, content: bytes) -> None:
        """Send one message; dropped when the engine is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packed(content))

    def close(self) -> None:
        """Close at once; nothing more is sent or received."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for content in self._unpacker.unpack(data):
            self._on_message(content)
