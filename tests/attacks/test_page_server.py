"""The page's own server is as strict as the gateway: no input is a 500, a hang, or a file that is not the page's."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import ModelServer, Say
from support.raw_http import Answer, Headers, exchange, head, read_answer

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(lambda messages: [Say("x")]) as model, Daemon(tmp_path_factory.mktemp("page"), model_url=model.url) as running:
        yield running


def port_of(daemon: Daemon) -> int:
    return int(daemon.page_url.split(":")[2].split("/")[0])


def ask(daemon: Daemon, method: str, target: str, *more: tuple[str, str], body: bytes = b"", host: str = "") -> Answer:
    port = port_of(daemon)
    length: Headers = [("Content-Length", str(len(body)))] if body else []
    return exchange(port, head(method, target, [("Host", host or f"127.0.0.1:{port}"), *length, *more]) + body)


def bridge(daemon: Daemon, name: str, body: bytes, *more: tuple[str, str]) -> Answer:
    return ask(daemon, "POST", f"/bridge/{name}", ("Origin", f"http://127.0.0.1:{port_of(daemon)}"), *more, body=body)


@pytest.mark.attack("A08")
@pytest.mark.parametrize(
    "target",
    ["/%00", "/a%00b.js", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/%ff", "/%c3%28", "/" + "a" * 300, "/" + "a/" * 300, "/%0d%0aX:y", "/assets/%00",
     "//etc/passwd", "/assets/..%5c..", "/%2500", "/a.js%20", "/CON", "/%e2%80%ae.js", "/.", "/..", "/assets/", "/assets", "/%25", "/?%00", "/index.html/x", "/favicon.ico/.."],
)  # fmt: skip
def test_a_path_is_a_file_of_the_page_or_none(daemon: Daemon, target: str) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(daemon, method, target)
        assert answer.status in (200, 404), answer
        assert b"root:" not in answer.body
    assert b"\r\nX:y" not in str(ask(daemon, "GET", target, host=f"localhost:{port_of(daemon)}").headers).encode()
    assert ask(daemon, "GET", target, host=f"localhost:{port_of(daemon)}").status == 308


CODES = [
    '{"code":"é"}',
    '{"code":"\\ud800"}',
    '{"code":"\\u0000"}',
    '{"code":1}',
    "{}",
    "",
    "[" * 60_000,
    '{"x":' * 9_000,
    '{"code":"a"',
    "null",
    '{"code":"%s"}' % ("a" * 60_000),
]


@pytest.mark.attack("A08")
@pytest.mark.parametrize(
    "content", [*(code.encode() for code in CODES), b'{"code":"\xff"}', b"\xff\xfe", b'{"code":"\xed\xa0\x80"}'], ids=range(14)
)
def test_a_launch_code_of_any_shape_is_refused(daemon: Daemon, content: bytes) -> None:
    assert bridge(daemon, "launch", content).status in (400, 401)


@pytest.mark.attack("A08")
@pytest.mark.parametrize("key", ["é", "\xff", "", "a" * 5000, "\x80\x81"])
def test_a_key_of_any_shape_is_refused(daemon: Daemon, key: str) -> None:
    port = port_of(daemon)
    lines = f"POST /bridge/services HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nX-Opta-Key: ".encode()
    assert exchange(port, lines + key.encode("latin-1") + b"\r\nContent-Length: 2\r\n\r\n{}").status == 401


@pytest.mark.attack("A08")
def test_two_keys_two_origins_two_hosts_and_two_lengths_are_none(daemon: Daemon) -> None:
    port = port_of(daemon)
    code = daemon.page_url.partition("launch=")[2]
    key = json.loads(bridge(daemon, "launch", json.dumps({"code": code}).encode()).body)["key"]
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key)).status == 200
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", "a"), ("X-Opta-Key", key)).status == 401
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key), ("Origin", "https://evil.example")).status == 403
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key), ("Host", f"127.0.0.1:{port}")).status in (400, 403)
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key), ("Transfer-Encoding", "chunked")).status == 400
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key), ("Content-Length", "3")).status == 400
    for body in (
        b"[" * 60_000,
        b'{"name":1}',
        b'{"name":"gateway","action":"__class__"}',
        b'{"name":"\xff","action":"start"}',
        b'{"x":{}}',
    ):
        assert bridge(daemon, "service", body, ("X-Opta-Key", key)).status in (400, 422)
    for name in ("service%00", "", "x", "../index.html", "launch/"):
        assert bridge(daemon, name, b"{}", ("X-Opta-Key", key)).status == 404
    assert bridge(daemon, "services", b"{}", ("X-Opta-Key", key)).status == 200


@pytest.mark.attack("A11")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.2:{port}",
        "127.0.0.1:{port}.",
        "[::1]:{port}",
        "127.0.0.1:{port}@evil",
        "0:{port}",
    ],
)
def test_it_answers_only_to_its_name(daemon: Daemon, host: str) -> None:
    assert ask(daemon, "GET", "/", host=host.format(port=port_of(daemon))).status in (400, 403)


@pytest.mark.attack("A08")
def test_a_head_is_read_strictly(daemon: Daemon) -> None:
    port = port_of(daemon)
    good = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    for more in (b"X: a\r\n folded\r\n", b"X: a\r\n\tfolded\r\n", b"X: a\nY: b\r\n", b"X : a\r\n", b"X\x00: a\r\n", b": a\r\n"):
        assert exchange(port, good + more + b"\r\n").status == 400, more
    assert exchange(port, good + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n").status in (400, 413, 431)
    assert exchange(port, good + b"X: " + b"a" * 17_000 + b"\r\n\r\n").status in (400, 413, 431)
    assert exchange(port, f"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()).status == 400
    assert exchange(port, b"GET / HTTP/1.0\r\n\r\n").status in (400, 403)
    assert exchange(port, b"\x16\x03\x01" + b"\0" * 200 + b"\r\n\r\n").status == 400
    assert exchange(port, good + b"\r\n").status == 200


@pytest.mark.attack("A08")
def test_the_gateway_reads_a_folded_head_no_more_either(daemon: Daemon) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\nX: a\r\n b\r\n\r\n".encode()
    assert exchange(daemon.port, request).status == 400


@pytest.mark.attack("A08")
def test_a_body_that_is_announced_too_large_or_never_comes_ends_the_connection(daemon: Daemon) -> None:
    port = port_of(daemon)
    assert bridge(daemon, "launch", b"x" * 70_000).status == 413
    lines = head(
        "POST", "/bridge/launch", [("Host", f"127.0.0.1:{port}"), ("Origin", f"http://127.0.0.1:{port}"), ("Content-Length", "10")]
    )
    with contextlib.ExitStack() as open_ones:
        # Both at once, because each waits for its deadline.
        connections = [open_ones.enter_context(socket.create_connection(("127.0.0.1", port), timeout=limit_s(20))) for _ in range(2)]
        started = time.monotonic()
        for connection, content in zip(connections, (lines + b"12345", lines[:40]), strict=True):
            connection.sendall(content)
        for connection in connections:
            try:
                rest = connection.recv(1)
            except ConnectionError:
                rest = b""
            assert (rest, time.monotonic() - started < limit_s(15)) == (b"", True)
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s(20)) as connection:
        connection.sendall(head("GET", "/", [("Host", f"127.0.0.1:{port}")]))
        assert read_answer(connection, has_body=True).status == 200
