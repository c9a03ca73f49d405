"""Rows A08-A11: what reaches the daemon over HTTP in the wrong shape, in excess, or never quite."""

import select
import socket
import time

import pytest
from support.daemon import Daemon
from support.door import get, headers, is_closed, last_answer, post
from support.oracles import MIB, alive, cpu_s, untouched
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
    with untouched(daemon), alive(daemon, rss_mib=8), socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as connection:
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
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as connection:
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
    with alive(daemon, rss_mib=8), socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as connection:
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
    while left and time.monotonic() - started < 10:
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
    assert slowest_s < 0.2


MALFORMED = {
    "NaN": b'{"text":NaN}',
    "-Infinity": b'{"text":-Infinity}',
    "1e999": b'{"text":1e999}',
    "duplicate key": b'{"text":"a","text":"b"}',
    "duplicate key deeper": b'{"text":"a","attachments":[{"a":1,"a":2}]}',
    "deep array": b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep object": b'{"text":' * 100_000 + b"1" + b"}" * 100_000,
    "deep, never closed": b"[" * 100_000,
    "lone surrogate": b'{"text":"\\ud800"}',
    "lone surrogate as a key": b'{"\\udfff":1,"text":"a"}',
    "invalid UTF-8": b'{"text":"\xff"}',
    "surrogate in UTF-8": b'{"text":"\xed\xa0\x80"}',
    "UTF-16": '{"text":"a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"text":"a"}',
    "huge integer": b'{"text":' + b"9" * 5000 + b"}",
    "many keys": b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}",
    "many values": b'{"text":[' + b"{}," * 330_000 + b"1]}",
    "many quotes": b'{"text":"' + b'\\"' * 500_000,
    "NUL": b'{"text":"a\x00b"}',
    "two values": b'{"text":"a"}{"text":"b"}',
    "cut off": b'{"text":"a',
    "not JSON": b"text=a",
}
UNFIT = [
    b"[]",
    b"null",
    b'"text"',
    b"5",
    b'{"__proto__":{"admin":true},"text":"a"}',
    b'{"text":"a","colour":1}',
    b'{"constructor":1,"text":"a"}',
]


@pytest.mark.attack("A11")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_bad_json_at_once(daemon: Daemon, sid: str, name: str) -> None:
    pid = daemon.pids()["gateway"]
    with untouched(daemon):
        for target, method in ((f"/v3/sessions/{sid}/turns", "POST"), ("/v3/sessions", "POST"), (f"/v3/sessions/{sid}", "PATCH")):
            before = cpu_s(pid)
            assert post(daemon, target, MALFORMED[name], method=method).refusal == (400, "bad_json")
            assert cpu_s(pid) - before < 0.1


@pytest.mark.attack("A11")
@pytest.mark.parametrize("body", UNFIT, ids=lambda body: body[:20].decode())
def test_a_body_that_is_no_such_object_is_invalid(daemon: Daemon, sid: str, body: bytes) -> None:
    with untouched(daemon):
        for target, method in ((f"/v3/sessions/{sid}/turns", "POST"), ("/v3/sessions", "POST"), (f"/v3/sessions/{sid}", "PATCH")):
            assert post(daemon, target, body, method=method).refusal == (422, "invalid")
