"""One HTTP request to a server of this machine, over a socket. `http.client` would cost half of a command's time to start.

The answer is read whole. The connection is used once.
"""

import socket
from typing import Any

import msgspec

from opta_core.errors import Unavailable


class NoAnswer(Unavailable):
    """The server cannot be reached, or its answer is not HTTP."""


def exchange(address: tuple[str, int], method: str, target: str, body: Any, headers: dict[str, str], timeout_s: float) -> tuple[int, bytes]:
    """(status, body of the answer). `body`: bytes, None, or a value to send as JSON. `timeout_s`: for each wait. Raises NoAnswer."""
    content = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {address[0]}:{address[1]}", "Connection: close"]
    if content is not None:
        kind = "application/octet-stream" if content is body else "application/json"
        lines += [f"Content-Length: {len(content)}", f"Content-Type: {kind}"]
    elif method not in ("GET", "DELETE"):
        lines.append("Content-Length: 0")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    try:
        with socket.create_connection(address, timeout=timeout_s) as connection:
            refusal: OSError | None = None
            try:
                connection.sendall(head + (content or b""))
            except OSError as error:
                # A server may answer before it has read all of a body that it does not take.
                refusal = error
            answer = _read(connection)
            if not answer and refusal is not None:
                raise refusal
    except OSError as error:
        raise NoAnswer(str(error)) from error
    return _parsed(answer)


def _read(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    try:
        while piece := connection.recv(262_144):
            pieces.append(piece)
    except ConnectionResetError:
        if not pieces:
            raise
    return b"".join(pieces)


def _parsed(answer: bytes) -> tuple[int, bytes]:
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if not first.startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        raise NoAnswer("the answer is not HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        content = _joined(content)
    elif (length := headers.get(b"content-length")) is not None and len(content) < int(length):
        raise NoAnswer("the answer is cut off")
    return int(words[1]), content


def _joined(content: bytes) -> bytes:
    """The content of chunks. Raises NoAnswer when the last one is missing."""
    pieces: list[bytes] = []
    while True:
        size_text, separator, content = content.partition(b"\r\n")
        try:
            size = int(size_text.split(b";")[0], 16)
        except ValueError:
            raise NoAnswer("the answer is cut off") from None
        if not separator or len(content) < size:
            raise NoAnswer("the answer is cut off")
        if size == 0:
            return b"".join(pieces)
        pieces.append(content[:size])
        content = content[size + 2 :]
