"""HTTP/1.1 as bytes, for requests that no honest client sends."""

import base64
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

from support.limits import limit_s

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What the server said; header names in lower case."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def error(self) -> dict[str, Any]:
        """The error of contract.md."""
        return json.loads(self.body)["error"]

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """(status, code): enough to compare most refusals."""
        return self.status, self.error["code"]


def exchange(port: int, content: bytes, timeout_s: float = 10) -> Answer:
    """Send bytes, read one answer. A server that answers before it has read everything is fine. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s(timeout_s)) as connection:
        try:
            connection.sendall(content)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_answer(connection, has_body=not content.startswith(b"HEAD "))


def head(method: str, target: str, headers: Headers) -> bytes:
    """The bytes up to the body."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


def upgrade(headers: Headers) -> Headers:
    """The headers of a WebSocket handshake."""
    key = base64.b64encode(b"sixteen bytes ok").decode()
    return [*headers, ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]


def read_answer(connection: socket.socket, *, has_body: bool = True) -> Answer:
    """One answer: by its length, by its chunks, or to the end; the head alone of HEAD, 101 and event streams."""
    deadline = time.monotonic() + limit_s(15)
    content = b""
    while b"\r\n\r\n" not in content:
        content += _more(connection, deadline)
    first, _, rest = content.partition(b"\r\n\r\n")
    lines = first.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    answer = Answer(int(lines[0].split()[1]), headers, b"")
    if not has_body or answer.status in (101, 204, 304) or (answer.header("content-type") or "").startswith("text/event-stream"):
        return answer
    length = answer.header("content-length")
    if length is not None:
        while len(rest) < int(length):
            rest += _more(connection, deadline)
    elif answer.header("transfer-encoding") == "chunked":
        while not rest.endswith(b"0\r\n\r\n"):
            rest += _more(connection, deadline)
        rest = _unchunked(rest)
    else:
        while more := connection.recv(65536):
            rest += more
    return Answer(answer.status, headers, rest)


def _more(connection: socket.socket, deadline: float) -> bytes:
    more = connection.recv(65536)
    if not more or time.monotonic() > deadline:
        raise ConnectionError("no whole answer came")
    return more


def _unchunked(content: bytes) -> bytes:
    found = b""
    while content:
        size, _, content = content.partition(b"\r\n")
        found += content[: int(size, 16)]
        content = content[int(size, 16) + 2 :]
    return found
