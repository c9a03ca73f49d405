"""Rows A08-A11: what reaches the daemon over HTTP in the wrong shape, in excess, or never quite."""

import select
import socket
import time

import pytest
from support.daemon import Daemon
from support.gateway_requests import get, headers, is_closed, last_answer
from support.limits import limit_s
from support.oracles import MIB, alive, untouched
from support.raw_http import Headers, head, read_answer

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]

JSON = ("Content-Type", "application/json")


@pytest.mark.attack("A08")
@pytest.mark.parametrize("target", ["/v3/sessions/{sid}/turns", "/v3/sessions/{sid}/clear", "/v3/ws-ticket", "/v3/sessions"])
@pytest.mark.parametrize(
    ("framing", "content", "status"),
    [
        ([("Content-Length", str(MIB + 1))], b"", 413),
        ([("Content-Length", "1000000000000")], b"", 413),
        ([("Content-Length", "-1")], b"", 400),
        ([("Content-Length", "2"), ("Content-Length", "3")], b"{}", 400),
        ([("Content-Length", "2"), ("Transfer-Encoding", "chunked")], b"2\r\n{}\r\n0\r\n\r\n", 400),
        ([("Transfer-Encoding", "chunked")], b"-2\r\n{}\r\n0\r\n\r\n", 400),
        ([("Transfer-Encoding", "chunked")], b"10000\r\n" + b" " * 65536 + b"\r\n", 413),
    ],
    ids=["a byte too much", "10^12", "negative", "two lengths", "both", "negative chunk", "chunks without end"],
)
def test_a_body_of_no_possible_size_is_refused_and_ends_the_connection(
    daemon: Daemon, sid: str, target: str, framing: Headers, content: bytes, status: int
) -> None:
    times = 17 if status == 413 and content else 1
    with untouched(daemon), alive(daemon, rss_mib=8):
        request = head("POST", target.format(sid=sid), headers(daemon, JSON, *framing))
        assert last_answer(daemon, request + content * times).status == status


@pytest.mark.attack("A08")
def test_200_megabytes_of_chunks_are_not_listened_to(daemon: Daemon) -> None:
    chunks = iter([b"100000\r\n" + b" " * MIB + b"\r\n"] * 200)
    with (
        untouched(daemon),
        alive(daemon, rss_mib=8),
        socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(5)) as connection,
    ):
        connection.sendall(head("POST", "/v3/sessions", headers(daemon, JSON, ("Transfer-Encoding", "chunked"))))
        with pytest.raises(ConnectionError):
            for chunk in chunks:
                connection.sendall(chunk)
    assert len(list(chunks)) > 168


@pytest.mark.attack("A08")
def test_lines_that_end_in_a_bare_lf_are_no_http(daemon: Daemon) -> None:
    for end in ("\n\n", "\n\r\n", "\r\n\n"):
        request = "\n".join(["GET /v3/sessions HTTP/1.1", *(f"{name}: {value}" for name, value in headers(daemon))])
        assert last_answer(daemon, (request + end).encode()).status == 400
    crlf = head("GET", "/v3/sessions", headers(daemon))
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(5)) as connection:
        for half in (crlf[: crlf.index(b"\n")], crlf[crlf.index(b"\n") :]):  # a CR LF that arrives in two parts is one
            connection.sendall(half)
            time.sleep(0.05)
        assert read_answer(connection).status == 200


@pytest.mark.attack("A09")
@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("/v3/sessions", [("X-Long", "a" * 65536)]),
        ("/v3/sessions", [("X-Long", "a" * 10 * MIB)]),
        ("/v3/sessions", [(f"X-{number}", "a") for number in range(5000)]),
        ("/v3/sessions", [(f"X-{number}", "a") for number in range(200)]),
        ("/v3/sessions", [("X-Odd", "a\0b")]),
        ("/" + "a" * MIB, []),
    ],
    ids=["64 KiB", "10 MiB", "5,000 headers", "200 headers", "NUL", "long line"],
)
def test_too_much_header_is_refused_or_cut_off(daemon: Daemon, target: str, more: Headers) -> None:
    with alive(daemon, rss_mib=8), socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(5)) as connection:
        try:
            connection.sendall(head("GET", target, headers(daemon, *more)))
            assert read_answer(connection).status in (400, 413, 431)
        except ConnectionError:
            assert (
                len(target) + sum(len(value) for _, value in more) >= 65536
            )  # what was on its way when it was refused resets the connection
        assert is_closed(connection)


@pytest.mark.attack("A10")
def test_slow_and_silent_clients_are_ended_while_others_are_served_at_once(daemon: Daemon) -> None:
    address, started = ("127.0.0.1", daemon.port), time.monotonic()
    dripping = {socket.create_connection(address): b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 99 for _ in range(300)}
    body = socket.create_connection(address)
    body.sendall(head("POST", "/v3/sessions", headers(daemon, JSON, ("Content-Length", "1000"))))
    dripping[body] = b" " * 99
    left = {*dripping, *(socket.create_connection(address) for _ in range(200))}
    slowest_s = 0.0
    while left and time.monotonic() - started < limit_s(10):
        for connection in select.select(list(left), [], [], 0.5)[0]:
            if is_closed(connection):
                left.discard(connection)
                connection.close()
        for connection in left & dripping.keys():
            at = int(time.monotonic() - started)
            try:
                connection.send(dripping[connection][at : at + 1])
            except ConnectionError:
                left.discard(connection)
        asked = time.perf_counter()
        assert get(daemon, "/v3/sessions").status == 200
        slowest_s = max(slowest_s, time.perf_counter() - asked)
    assert not left
    assert slowest_s < limit_s(0.2)
