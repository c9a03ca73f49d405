"""Requests and WebSocket handshakes to the gateway of a test daemon, as bytes, with or without the token."""

import json
import socket
from typing import Any

from opta_core.process import state
from support.daemon import Daemon
from support.limits import limit_s
from support.raw_http import Answer, Headers, exchange, head, read_answer, upgrade

PORT = "{port}"
UNKNOWN = "zzzzzz"


def headers(daemon: Daemon, *more: tuple[str, str], token: str | None = "right", host: str = f"127.0.0.1:{PORT}") -> Headers:
    """Host, Authorization and some more; `token` None leaves it out."""
    found = [("Host", host.replace(PORT, str(daemon.port)))]
    if token is not None:
        found.append(("Authorization", f"Bearer {daemon.token if token == 'right' else token}"))
    return [*found, *more]


def ask(
    daemon: Daemon, method: str, target: str, *more: tuple[str, str], token: str | None = "right", host: str = f"127.0.0.1:{PORT}"
) -> Answer:
    """A request without a body."""
    return exchange(daemon.port, head(method, target, headers(daemon, *more, token=token, host=host)))


def get(daemon: Daemon, target: str, *more: tuple[str, str], token: str | None = "right", host: str = f"127.0.0.1:{PORT}") -> Answer:
    """A GET."""
    return ask(daemon, "GET", target, *more, token=token, host=host)


def post(
    daemon: Daemon, target: str, body: bytes | dict[str, Any], *more: tuple[str, str], method: str = "POST", kind: str = "application/json"
) -> Answer:
    """A request with a body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    announced = [("Content-Length", str(len(content))), *([("Content-Type", kind)] if kind else [])]
    return exchange(daemon.port, head(method, target, [*headers(daemon), *announced, *more]) + content)


def handshake(daemon: Daemon, target: str, *more: tuple[str, str], token: str | None = None) -> Answer:
    """A WebSocket handshake."""
    return exchange(daemon.port, head("GET", target, upgrade([*headers(daemon, token=token), *more])))


def page_origin(daemon: Daemon) -> str:
    """The page's."""
    known = state.read(daemon.loaded.paths)
    assert known is not None
    return f"http://127.0.0.1:{known.uiPort}"


def stored(daemon: Daemon) -> dict[str, bytes]:
    """Every journal's bytes."""
    return {file.name: file.read_bytes() for file in (daemon.home / "daemon/sessions").glob("*.jsonl")}


def no_cors(answer: Answer) -> bool:
    """Whether no page may read the answer."""
    return not [name for name, _ in answer.headers if name.startswith("access-control-")]


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side ends the connection within three seconds."""
    connection.settimeout(limit_s(3))
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def last_answer(daemon: Daemon, content: bytes) -> Answer:
    """The answer to bytes after which the daemon ends the connection."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(5)) as connection:
        connection.sendall(content)
        answer = read_answer(connection)
        assert is_closed(connection)
        return answer
