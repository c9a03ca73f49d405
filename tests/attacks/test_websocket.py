"""Rows A12-A17: who opens a live stream, what may be said on it and asked of it, and what a restart leaves of it."""

import base64
import contextlib
import ctypes
import json
import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.gateway_requests import UNKNOWN, get, handshake, is_closed, page_origin, post, stored
from support.limits import limit_s
from support.oracles import MIB, alive, log_files, untouched
from support.raw_http import Answer, exchange
from support.raw_websocket import BINARY, PING, TEXT, Stream, frame

from opta_http.strict_connection import BODY_S

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]

IN_OPEN = 0x20


def subprotocol(token: str) -> tuple[str, str]:
    """The header that carries a token."""
    return "Sec-WebSocket-Protocol", "opta.bearer." + base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


@pytest.mark.attack("A12")
def test_a_handshake_without_the_token_is_refused_in_the_handshake(daemon: Daemon, sid: str, old_token: str) -> None:
    answers: list[Answer] = []
    with untouched(daemon):
        for path in ("/v3/events", f"/v3/sessions/{sid}/stream", f"/v3/sessions/{UNKNOWN}/stream"):
            answers += [handshake(daemon, path), handshake(daemon, f"{path}?token={old_token}&ticket=wrong")]
            answers += [handshake(daemon, path, token="wrong"), handshake(daemon, path, subprotocol(old_token), ("Cookie", "token=x"))]
            answers.append(handshake(daemon, path, (subprotocol("wrong")[0], "opta.bearer.A, opta.bearer.!")))
    assert {(answer.refusal, answer.body) for answer in answers} == {((401, "unauthorized"), answers[0].body)}


@pytest.mark.attack("A13")
def test_a_handshake_from_another_page_is_refused_in_the_handshake(daemon: Daemon, sid: str) -> None:
    page = page_origin(daemon)
    for origin in ("https://evil.example", "null", page + "0", page[:-1], "http://127.0.0.1:" + str(daemon.port)):
        for path in ("/v3/events", f"/v3/sessions/{sid}/stream"):
            for answered in (
                handshake(daemon, path, ("Origin", origin), token="right"),
                handshake(daemon, f"{path}?token={daemon.token}", ("Origin", origin)),
            ):
                assert answered.refusal == (403, "forbidden_origin")
    assert handshake(daemon, "/v3/events", ("Origin", page), token="right").status == 101


@pytest.mark.attack("A12", "A14")
def test_a_stream_opens_by_query_by_subprotocol_and_by_a_ticket_once(daemon: Daemon, sid: str) -> None:
    stream, carried = f"/v3/sessions/{sid}/stream", subprotocol(daemon.token)
    ticket = json.loads(post(daemon, "/v3/ws-ticket", b"").body)["ticket"]
    assert handshake(daemon, f"{stream}?token={daemon.token}").status == 101
    for offered, said in ((carried[1], None), (f"opta.v3, {carried[1]}", "opta.v3"), (f"{carried[1]}, opta.v3", "opta.v3")):
        by_subprotocol = handshake(daemon, stream, (carried[0], offered), ("Origin", page_origin(daemon)))
        assert (by_subprotocol.status, by_subprotocol.header("sec-websocket-protocol")) == (101, said)
        assert carried[1].removeprefix("opta.bearer.") not in str(by_subprotocol.headers)
    assert handshake(daemon, f"{stream}?ticket={ticket}").status == 101
    assert handshake(daemon, f"{stream}?ticket={ticket}").refusal == (401, "unauthorized")


@pytest.mark.attack("A14")
def test_no_token_and_no_ticket_reaches_a_log_a_journal_or_a_command_line(daemon: Daemon, sid: str) -> None:
    token, ticket = daemon.token, json.loads(post(daemon, "/v3/ws-ticket", b"").body)["ticket"]
    encoded = subprotocol(token)
    secrets = [token.encode(), ticket.encode(), encoded[1].removeprefix("opta.bearer.").encode(), b"guessed-token"]
    for query in (f"token={token}", f"ticket={ticket}", "token=guessed-token", f"token={token}&afterSeq=x"):
        handshake(daemon, f"/v3/sessions/{sid}/stream?{query}")
        handshake(daemon, f"/v3/sessions/{sid}/x/stream?{query}", encoded)
    get(daemon, f"/v3/evil?token={token}", token=None)
    exchange(daemon.port, f"GET /v3/evil?token={token} HTTP/1.1\r\nBad\r\n\r\n".encode())
    daemon.follow(sid, daemon.submit(sid, "hello"))
    said = {file.name: file.read_bytes() for file in log_files(daemon)} | stored(daemon)
    said |= {
        path: get(daemon, path).body for path in ("/v3/daemon/logs?limit=5000", "/v3/metrics", "/v3/daemon", f"/v3/sessions/{sid}/export")
    }
    for name, pid in daemon.pids().items():
        said |= {f"{part} of {name}": Path(f"/proc/{pid}/{part}").read_bytes() for part in ("cmdline", "environ")}
    assert [name for name, content in said.items() if any(secret in content for secret in secrets)] == []


@pytest.mark.attack("A15")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (frame(TEXT, length=MIB + 1), 1009),
        (frame(BINARY, length=64 * MIB), 1009),
        (frame(TEXT, length=2**63), 1009),
        (frame(TEXT, b"a" * 65000, fin=False) + frame(0, b"a" * 65000, fin=False) * 16, 1009),
        (frame(TEXT, fin=False) + frame(0, fin=False) * 2000, 1008),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"a", is_masked=False), 1002),
        (frame(3, b"a"), 1002),
        (frame(0, b"a"), 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(PING, b"a") * 10_000, 1008),
        (frame(TEXT, b"no JSON"), 1008),
        (frame(TEXT, b'{"event":"turn.token"}'), 1008),
    ],
    ids=[
        "1 MiB + 1",
        "64 MiB",
        "2^63",
        "fragments",
        "empty fragments",
        "UTF-8",
        "unmasked",
        "opcode",
        "continued",
        "long ping",
        "pings",
        "text",
        "JSON",
    ],
)
def test_a_frame_that_does_not_fit_ends_only_that_stream(daemon: Daemon, sid: str, content: bytes, code: int) -> None:
    path = f"/v3/sessions/{sid}/stream"
    last = json.loads(get(daemon, f"/v3/sessions/{sid}").body)["lastSeq"]
    with alive(daemon, rss_mib=8), Stream(daemon, f"{path}?afterSeq={last}") as other:
        with untouched(daemon), Stream(daemon, path) as stream:
            stream.socket.sendall(content)
            assert stream.closing_code() == code
        assert post(daemon, f"/v3/sessions/{sid}/note", {"text": "still here"}).status == 200
        assert [(line["seq"], line["text"]) for line in other.stored_lines()] == [(last + 1, "still here")]


@pytest.mark.attack("A15")
@pytest.mark.parametrize("content", [frame(BINARY, length=64 * MIB) + bytes(64 * MIB), frame(PING) * 600_000], ids=["64 MiB", "pings"])
def test_a_flood_is_cut_off(daemon: Daemon, sid: str, content: bytes) -> None:
    with alive(daemon, rss_mib=8), Stream(daemon, f"/v3/sessions/{sid}/stream") as stream:
        with contextlib.suppress(ConnectionError):
            stream.socket.sendall(content)
        assert is_closed(stream.socket)


@contextlib.contextmanager
def baited(daemon: Daemon) -> Generator[str]:
    """Journals that lie where no session lies; nobody may open one. The name of all of them."""
    folders = [daemon.home, *(daemon.home / "daemon" / name for name in (".", "archive", "trash", "logs"))]
    libc = ctypes.CDLL(None, use_errno=True)
    with open(libc.inotify_init1(os.O_NONBLOCK), "rb", buffering=0) as events:
        for folder in folders:
            (folder / "bait.jsonl").write_bytes(next(iter(stored(daemon).values())))
            assert libc.inotify_add_watch(events.fileno(), os.fsencode(folder / "bait.jsonl"), IN_OPEN) >= 0
        yield "bait"
        assert events.read(4096) is None
        (daemon.home / "bait.jsonl").read_bytes()
        assert events.read(4096)  # the watch sees what it is there for
    for folder in folders:
        (folder / "bait.jsonl").unlink()


@pytest.mark.attack("A16")
def test_a_stream_of_no_session_is_refused_and_opens_no_file(daemon: Daemon, sid: str) -> None:
    with untouched(daemon), baited(daemon) as bait:
        names = [
            f"..%2f{bait}",
            f"..%2f..%2f{bait}",
            f"%2e%2e%2farchive%2f{bait}",
            f"..%2ftrash%2f{bait}.jsonl",
            f"../{bait}",
            f"../../{bait}",
            bait,
        ]
        names += [
            "../../token",
            "..%2f..%2ftoken",
            "*",
            "%2a",
            "",
            "%20",
            "%00",
            f"{sid}%00",
            f"{sid}%0a",
            f"{sid}.jsonl",
            "s-",
            UNKNOWN,
            "a" * 10_240,
        ]
        for name in names:
            path = f"/v3/sessions/{name}/stream"
            for answer in (handshake(daemon, path, token="right"), get(daemon, path, ("Accept", "text/event-stream"))):
                assert answer.status in (400, 404), name
        for path in (f"/v3/sessions/{sid}/x/y/stream", "/v3/evil", "/v3/events/", f"/v3/sessions/{sid}"):
            assert handshake(daemon, path, token="right").refusal == (404, "not_found")


@pytest.mark.attack("A16")
@pytest.mark.parametrize(
    "after", ["-1", "9" * 20, "1;%20drop", "NaN", "1.5", "+1", "1e3", "0x1", "%C2%B2", "%00", "1,2", "9" * 5000], ids=str
)
def test_a_stream_after_no_number_is_refused(daemon: Daemon, sid: str, after: str) -> None:
    path = f"/v3/sessions/{sid}/stream?afterSeq={after}"
    sse = ("Accept", "text/event-stream")
    answers = [handshake(daemon, path, token="right"), get(daemon, path, sse)]
    assert [answer.refusal for answer in answers] == [(400, "bad_request")] * 2
    with Stream(daemon, f"/v3/events?cursor={after}") as stream:
        assert [line["control"] for line in stream.lines()] == ["reset", "cursor"]


@pytest.mark.attack("A16")
def test_a_stream_after_more_than_there_is_says_so_and_replays_nothing(daemon: Daemon, sid: str) -> None:
    last = json.loads(get(daemon, f"/v3/sessions/{sid}").body)["lastSeq"]
    with Stream(daemon, f"/v3/sessions/{sid}/stream?afterSeq={last + 1000}") as stream:
        assert stream.lines() == [{"control": "ping", "lastSeq": last}]


def test_a_quiet_stream_outlives_the_deadlines_of_heads_and_bodies(daemon: Daemon, sid: str) -> None:
    """An upgraded connection owes the gateway nothing more; its clock once went on and cut every stream after 8 s."""
    until = time.monotonic() + BODY_S + 2
    with Stream(daemon, f"/v3/sessions/{sid}/stream") as stream:
        while time.monotonic() < until:
            stream.lines()  # the gateway's ping comes every five seconds
        assert post(daemon, f"/v3/sessions/{sid}/turns", json.dumps({"text": "Hello."}).encode()).status == 202
        while not any(line.get("event") == "turn.done" for line in stream.lines()):
            pass


@pytest.mark.attack("A17")
def test_a_restart_ends_every_stream_and_brakes_the_old_token_only(daemon: Daemon, sid: str) -> None:
    old, path = daemon.token, f"/v3/sessions/{sid}/stream"
    streams = [Stream(daemon, path) for _ in range(20)]
    assert daemon.opta("daemon", "restart", "gateway").returncode == 0
    assert daemon.token != old
    for stream in streams:
        with stream:
            assert stream.closing_code() == 1012
    with untouched(daemon):
        answers: list[Answer] = []
        for _ in range(50):
            answers += [get(daemon, f"/v3/sessions/{sid}", token=old), handshake(daemon, f"{path}?token={old}")]
            asked = time.perf_counter()
            assert get(daemon, "/v3/sessions").status == 200
            assert time.perf_counter() - asked < limit_s(0.2)
        assert [answer.status for answer in answers] == [401] * 20 + [429] * 80
        assert answers[-1].error["code"] == "too_many_requests" and answers[-1].header("retry-after")
    with Stream(daemon, path) as stream:
        assert stream.lines()[0]["seq"] == 1
