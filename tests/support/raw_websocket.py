"""WebSocket frames as bytes, for what no honest client sends."""

import json
import socket
import struct
from typing import Any

from support.daemon import Daemon
from support.gateway_requests import headers
from support.limits import limit_s
from support.raw_http import head, upgrade

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(opcode: int, payload: bytes = b"", *, length: int | None = None, is_masked: bool = True, fin: bool = True) -> bytes:
    """A frame with a mask of zeros; `length` is announced in place of the payload's own."""
    size = len(payload) if length is None else length
    mask, key = (0x80, bytes(4)) if is_masked else (0, b"")
    short = size if size < 126 else 126 if size < 65536 else 127
    rest = b"" if size < 126 else struct.pack("!H" if size < 65536 else "!Q", size)
    return bytes([0x80 * fin | opcode, mask | short]) + rest + key + payload


class Stream:
    """A live stream as bytes, opened with the right token."""

    def __init__(self, daemon: Daemon, target: str):
        self.socket = socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(8))
        self.socket.sendall(head("GET", target, upgrade(headers(daemon))))
        self._held = b""
        while b"\r\n\r\n" not in self._held:
            self._held += self.socket.recv(4096)
        assert self._held.startswith(b"HTTP/1.1 101 ")
        self._held = self._held.partition(b"\r\n\r\n")[2]

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame. Raises ConnectionError when none comes any more."""
        opcode, short = self._take(2)
        size = short if short < 126 else int.from_bytes(self._take(2 if short == 126 else 8))
        return opcode & 15, self._take(size)

    def lines(self) -> list[dict[str, Any]]:
        """The next frame's lines."""
        opcode, content = self.read()
        assert opcode == TEXT
        return [json.loads(line) for line in content.split(b"\n")]

    def stored_lines(self) -> list[dict[str, Any]]:
        """The stored lines of the next frame that has some; pings between them are passed over."""
        while not (found := [line for line in self.lines() if "seq" in line]):
            pass
        return found

    def closing_code(self) -> int:
        """The code with which the daemon ends the stream, whatever it says before."""
        while True:
            opcode, content = self.read()
            if opcode == CLOSE:
                return int.from_bytes(content[:2])

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("ended without a closing frame")
            self._held += more
        taken, self._held = self._held[:size], self._held[size:]
        return taken
