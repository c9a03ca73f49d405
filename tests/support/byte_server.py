"""A model server that says exactly the bytes a test wants, when it wants them.

`reply(request)` gives the pieces of one answer: bytes, seconds to wait, or RESET (cut the connection hard). The
connection ends after the last piece.
"""

import json
import socket
import ssl
import struct
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from support.limits import limit_s
from support.typed import typed

RESET: Literal["reset"] = "reset"
Piece = bytes | float | Literal["reset"]

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Request:
    """What was asked."""

    head: bytes
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """The last words of a person."""
        return next(typed(message["content"]) for message in reversed(self.body["messages"]) if message["role"] == "user")


Reply = Callable[[Request], Iterable[Piece]]


class ByteServer:
    """`with ByteServer(reply) as server: server.url`. `requests` holds every chat request that arrived whole."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None, port: int = 0):
        self._reply, self._tls = reply, tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        # A server that a module makes for its tests listens even when none of them runs.
        weakref.finalize(self, self._listener.close)
        self._threads: list[threading.Thread] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> "ByteServer":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(limit_s(5))

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            connection.settimeout(limit_s(5))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = _read(connection)
            if b"/models" in request.head.split(b"\r\n")[0]:
                connection.sendall(whole(200, b'{"object":"list","data":[{"id":"scripted"}]}'))
                return
            if request.head.startswith(b"GET "):
                # A catalogue asks in the manner of several servers; this one has no interface of its own.
                connection.sendall(whole(404, b"{}"))
                return
            self.requests.append(request)
            for piece in self._reply(request):
                if piece == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                elif self._stopping.wait(float(piece)):
                    return
        except OSError:
            pass  # the other side had enough
        finally:
            connection.close()


def _read(connection: socket.socket) -> Request:
    content = b""
    while b"\r\n\r\n" not in content:
        content += _more(connection)
    head, _, body = content.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _more(connection)
    return Request(head, json.loads(body) if body else {})


def _more(connection: socket.socket) -> bytes:
    more = connection.recv(65536)
    if not more:
        raise ConnectionError("the request ended early")
    return more


def whole(status: int, body: bytes, *headers: str) -> bytes:
    """A whole answer that is no stream."""
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def event(content: Any, ending: bytes = b"\n\n") -> bytes:
    """One server-sent event; text goes unescaped, as many servers send it."""
    return b"data: " + json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass") + ending


def say(text: str) -> bytes:
    """A piece of an answer."""
    return event({"choices": [{"delta": {"content": text}}]})


def use(*calls: dict[str, Any]) -> bytes:
    """Pieces of tool calls."""
    return event({"choices": [{"delta": {"tool_calls": list(calls)}}]})


def finish(reason: str = "stop", usage: Any = None) -> bytes:
    """The end of an answer, with what it cost, and the mark of the end of the stream."""
    last: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": reason}]}
    return event(last) + (event({"choices": [], "usage": usage}) if usage is not None else b"") + DONE


def apart(content: bytes, size: int = 1) -> Iterator[Piece]:
    """The bytes in pieces that arrive apart from each other."""
    for at in range(0, len(content), size):
        yield content[at : at + size]
        yield 0.0005
