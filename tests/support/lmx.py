"""A real LMX with the probe model, alone, and what tests say to it."""

import contextlib
import json
import socket
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from opta_core.process import state
from support.daemon import Daemon
from support.limits import limit_s
from support.oracles import MIB, fds_of, log_files, rss_of, until
from support.raw_http import Answer, Headers, exchange, head

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


@contextlib.contextmanager
def lmx(folder: Path, daemon: Daemon | None = None) -> Generator[Daemon]:
    """A daemon of nothing but LMX, with its model loaded."""
    with daemon or Daemon(folder, only="lmx") as daemon:
        assert until(lambda: bool(port_of(daemon)) and get(port_of(daemon), "/readyz").status == 200, 60), daemon.logs()
        yield daemon


@contextlib.contextmanager
def engine_lives_on(daemon: Daemon) -> Generator[None]:
    """Afterwards the same engine answers, greedy and sampled; front and engine are within their means, no process wrote a traceback."""
    port, before = port_of(daemon), json.loads(get(port_of(daemon), "/readyz").body)
    pids = [daemon.pids()["lmx"], int(before["pid"])]
    logs = {file: file.stat().st_size for file in log_files(daemon)}
    rss, fds = [rss_of(pid) for pid in pids], fds_of(pids[0])
    yield
    assert until(lambda: _answers_fast(port), 10)
    assert json.loads(get(port, "/readyz").body) == before
    answers = [chat(port, max_tokens=2, temperature=temperature) for temperature in (0, 1)]
    assert [answer.status for answer in answers] == [200, 200], [answer.body for answer in answers]
    assert all(rss_of(pid) - known < 64 * MIB for pid, known in zip(pids, rss, strict=True))
    assert until(lambda: fds_of(pids[0]) <= fds + 5, 10)
    news = {file.name: file.read_bytes()[logs.get(file, 0) :].decode(errors="replace") for file in log_files(daemon)}
    assert not [name for name, text in news.items() if "Traceback" in text], news


def _answers_fast(port: int) -> bool:
    asked = time.perf_counter()
    return get(port, "/v1/models").status == 200 and time.perf_counter() - asked < limit_s(0.2)


def port_of(daemon: Daemon) -> int:
    """Where LMX listens; 0 before it does."""
    known = state.read(daemon.loaded.paths)
    return known.lmxPort if known else 0


def headers(port: int, *more: tuple[str, str]) -> Headers:
    """Host, the type of a body, and some more."""
    return [("Host", f"127.0.0.1:{port}"), ("Content-Type", "application/json"), *more]


def get(port: int, target: str, *more: tuple[str, str], method: str = "GET") -> Answer:
    """A request without a body."""
    return exchange(port, head(method, target, headers(port, *more)))


def post(port: int, content: bytes, *more: tuple[str, str]) -> Answer:
    """A chat request."""
    return exchange(port, request(port, content, *more), limit_s(20))


def request(port: int, content: bytes, *more: tuple[str, str]) -> bytes:
    """The bytes of a chat request."""
    return head("POST", CHAT, headers(port, ("Content-Length", str(len(content))), *more)) + content


def chat(port: int, **fields: Any) -> Answer:
    """A chat request with these fields."""
    return post(port, json.dumps({"messages": HELLO, **fields}).encode())


def admin_key(daemon: Daemon) -> str:
    """The key of this home's own LMX."""
    return (daemon.home / "lmx/admin.key").read_text()


def admin(daemon: Daemon, method: str, target: str, body: Any = None) -> Answer:
    """A request with the admin key."""
    content = b"" if body is None else json.dumps(body).encode()
    more = [("Authorization", f"Bearer {admin_key(daemon)}"), ("Content-Length", str(len(content)))]
    return exchange(port_of(daemon), head(method, target, headers(port_of(daemon), *more)) + content, 60)


def news(daemon: Daemon, count: int) -> list[dict[str, Any]]:
    """The first so many events of /admin/events."""
    port = port_of(daemon)
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s(10)) as connection:
        connection.sendall(head("GET", "/admin/events", headers(port, ("Authorization", f"Bearer {admin_key(daemon)}"))))
        content = b""
        while content.count(b"\ndata: ") < count:
            more = connection.recv(65536)
            assert more, content
            content += more
    return [json.loads(line[6:]) for line in content.split(b"\n") if line.startswith(b"data: ")][:count]


def running(port: int) -> int:
    """Requests in the engine, and waiting for it."""
    return figure(port, "lmx_requests_running")


def figure(port: int, name: str) -> int:
    """A number of /metrics."""
    return next(int(line.split()[-1]) for line in get(port, "/metrics").body.decode().splitlines() if line.startswith(name + " "))
