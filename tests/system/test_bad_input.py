"""Bad input against a real daemon: every refusal is a clear error, nothing is lost, nothing is made, and the daemon lives on."""

import contextlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.gateway_requests import get, headers, post, stored
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say
from support.oracles import log_files, until
from support.raw_http import exchange, head, upgrade

from opta_protocol import wire

pytestmark = pytest.mark.system

FALLBACK = range(10000, 10021)  # where a daemon goes when its port is taken


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """A short answer; one of four seconds when the prompt says slow."""
    return [Say("word " * 80, rate=20)] if "slow" in messages[-1]["content"] else [Say("Here is an answer.")]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(reply) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("input"), model_url=model.url) as running:
        yield running


@pytest.fixture(autouse=True)
def _lives_on(request: pytest.FixtureRequest) -> Generator[None]:
    """After every test the daemon is ready, and no process wrote a traceback."""
    daemon: Daemon | None = request.getfixturevalue("daemon") if "daemon" in request.fixturenames else None
    before = {file: file.stat().st_size for file in log_files(daemon)} if daemon else {}
    yield
    if daemon is not None:
        assert until(lambda: daemon.client.is_ready()[0], 10), daemon.client.is_ready()
        news = {file.name: file.read_bytes()[before.get(file, 0) :].decode(errors="replace") for file in log_files(daemon)}
        assert not [name for name, text in news.items() if "Traceback" in text], news


@pytest.fixture(scope="module")
def sid(daemon: Daemon) -> str:
    return daemon.session()


# what is no HTTP ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(daemon: Daemon, content: bytes) -> None:
    assert exchange(daemon.port, content).status in (400, 403)


@pytest.mark.parametrize("more", [("X-Long", "a" * 70_000), ("Sec-WebSocket-Protocol", "opta.bearer.\x7f")], ids=["long", "DEL"])
def test_a_handshake_that_cannot_be_read_is_ended(daemon: Daemon, more: tuple[str, str]) -> None:
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(3)) as connection:
        connection.sendall(head("GET", "/v3/events", upgrade(headers(daemon, more, token=None))))
        said = connection.recv(4096)
    assert said == b"" or said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 ", b"HTTP/1.1 431 "))


# cursors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["%C2%B2", "-1", "9" * 5000, "x", "", "9" * 12], ids=["two", "negative", "huge", "letter", "none", "ahead"]
)
def test_a_cursor_that_does_not_fit_begins_with_a_reset(daemon: Daemon, number: str) -> None:
    epoch = events_after(daemon, "").decode().partition(".")[0]
    assert events_after(daemon, f"{epoch}.{number}")


def events_after(daemon: Daemon, cursor: str) -> bytes:
    """The SSE id of the first frame of the stream of all sessions, which has to be a reset."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=limit_s(5)) as connection, connection.makefile("rb") as lines:
        connection.sendall(head("GET", f"/v3/events?cursor={cursor}", headers(daemon, ("Accept", "text/event-stream"))))
        assert lines.readline() == b"HTTP/1.1 200 OK\r\n"
        found = next(line for line in lines if line.lstrip().startswith(b"id: "))
        assert b'"control":"reset"' in next(line for line in lines if line.startswith(b"data: "))
        return found.split()[1]


# idempotency --------------------------------------------------------------------------------------------


def test_a_key_names_one_turn_also_after_the_store_was_restarted(daemon: Daemon) -> None:
    sid, key = daemon.session(), ("Idempotency-Key", "the-key")
    turns = f"/v3/sessions/{sid}/turns"
    first = post(daemon, turns, {"text": "hello"}, key)
    turn = json.loads(first.body)["turnId"]
    daemon.follow(sid, turn)
    before = stored(daemon)[f"{sid}.jsonl"]

    def repeat() -> None:
        again = post(daemon, turns, {"text": "hello"}, key)
        assert (again.status, json.loads(again.body)["turnId"], json.loads(again.body)["seq"]) == (202, turn, json.loads(first.body)["seq"])
        assert post(daemon, turns, {"text": "other"}, key).refusal == (422, "invalid")
        assert post(daemon, turns, {"text": "hello", "mode": "do"}, key).refusal == (422, "invalid")
        assert stored(daemon)[f"{sid}.jsonl"] == before

    repeat()
    assert daemon.opta("daemon", "restart", "sessions").returncode == 0
    repeat()
    assert post(daemon, turns, {"text": "a"}, ("Idempotency-Key", "k" * 201)).refusal == (400, "bad_request")
    # The scope of a key is its session.
    assert post(daemon, f"/v3/sessions/{daemon.session()}/turns", {"text": "other"}, key).status == 202


# files, logs, settings ----------------------------------------------------------------------------------


def test_a_second_start_in_one_home_says_so_and_is_no_error(daemon: Daemon) -> None:
    before = daemon.pids()
    for command in (["up", "--no-open"], ["up", "--no-open", "--detach"]):
        again = daemon.opta(*command)
        assert again.returncode == 0, again.stderr
        assert "already running" in again.stdout
    assert daemon.pids() == before


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('default-mdoel = "x"\n', ["default-mdoel", "default-model"]),
        ("[daemon]\nprot = 1\n", ["daemon.prot", "daemon.port"]),
        ("max-steps = 'many'\n", ["max-steps"]),
        ("max-steps = 0\n", ["max-steps"]),
        ("[daemon]\nport = 70000\n", ["daemon.port", "70000"]),
        ("this is no TOML\n", ["config.toml", "line 1"]),
        ("x = " + "[" * 100_000 + "\n", ["config.toml"]),
    ],
    ids=["nearest", "nearest in a table", "type", "range", "port", "syntax", "depth"],
)
def test_unusable_settings_are_refused_with_the_repair(tmp_path: Path, config: str, words: list[str]) -> None:
    (tmp_path / "config.toml").write_text(config)
    done = run_opta(tmp_path, "up", "--no-open", "--detach", "--only", "desktop")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "value",
    [b"a\x7fb", b"a\xffb", b"a\nb", b'a"\\b', "a\u2028\u0085b".encode()],
    ids=["DEL", "not UTF-8", "newline", "quote", "line separator"],
)
def test_a_value_that_was_set_is_read_back_or_refused(tmp_path: Path, value: bytes) -> None:
    done = run_opta(tmp_path, "config", "set", "default-model", os.fsdecode(value))
    assert "Traceback" not in done.stderr
    shown = run_opta(tmp_path, "config", "get", "default-model")
    assert shown.returncode == 0, shown.stderr
    assert (done.returncode, shown.stdout) in [(0, os.fsdecode(value) + "\n"), (2, "lmx/probe\n")]


def run_opta(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a home of its own, without a daemon."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPTA_")}
    # Read as bytes, since a line separator is none here.
    done = subprocess.run(
        [str(OPTA), *arguments], env={**environment, "OPTA_HOME": str(home)}, capture_output=True, timeout=limit_s(30), check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


# another home, on a small disk, with its port taken -----------------------------------------------------


@pytest.fixture(scope="module")
def second(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon of its own whose home is a file system of 1 MiB; its configured port is held by this process."""
    folder = tmp_path_factory.mktemp("second")
    with small_disk(folder / "home"), socket.create_server(("127.0.0.1", 0)) as holder:
        daemon = Daemon(folder, model_url=model.url)
        daemon.environment["OPTA_DAEMON_PORT"] = str(holder.getsockname()[1])
        with daemon:
            yield daemon


@contextlib.contextmanager
def small_disk(at: Path) -> Generator[None]:
    """A file system of its own, where this user may mount one."""
    if os.geteuid() != 0:
        yield
        return
    at.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Generator[None]:
    """No room at all, for a while."""
    if not disk.is_mount():
        pytest.skip("mounting a small file system needs root")
    filler = disk / "filler"
    try:
        with open(filler, "ab", buffering=0) as handle, contextlib.suppress(OSError):
            while True:
                handle.write(b"x" * 4096)
        yield
    finally:
        filler.unlink()


def wholes(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    """The session's events from the disk, which are whole and without a hole."""
    content = (daemon.home / "daemon/sessions" / f"{sid}.jsonl").read_bytes()
    assert content.endswith(b"\n")
    lines = content[:-1].split(b"\n")
    assert [line for line in lines if not wire.is_whole(line)] == []
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return events


def test_a_taken_port_is_left_to_its_holder_who_is_named(second: Daemon) -> None:
    taken = second.environment["OPTA_DAEMON_PORT"]
    said = (second.home / "daemon/logs/gateway.log").read_text()
    assert second.port in FALLBACK
    assert re.search(rf"port is taken port={taken} by=.*pid {os.getpid()}", said), said


def test_two_homes_know_nothing_of_each_other(daemon: Daemon, sid: str, second: Daemon) -> None:
    assert second.port != daemon.port and second.token != daemon.token
    assert get(second, "/v3/sessions", token=daemon.token).refusal == (401, "unauthorized")
    assert get(second, f"/v3/sessions/{sid}").refusal == (404, "not_found")
    session = second.session()
    assert second.follow(session, second.submit(session, "hello"))[-1]["event"] == "turn.done"
    assert get(daemon, f"/v3/sessions/{session}").refusal == (404, "not_found")


def test_a_full_disk_refuses_turns_and_loses_nothing(second: Daemon) -> None:
    sid, idle = second.session(), second.session()
    second.follow(idle, second.submit(idle, "hello"))
    before = stored(second)
    running = second.submit(sid, "slow")
    events = second.client.events(sid, 0)
    seen = [json.loads(next(events))]
    while seen[-1]["event"] != "turn.token":
        seen.append(json.loads(next(events)))
    key, body = ("Idempotency-Key", "once"), {"text": "more " * 2000}
    with full(second.home):
        refused = [
            post(second, f"/v3/sessions/{sid}/turns", body, key),
            post(second, f"/v3/sessions/{idle}/turns", body, key),
            post(second, "/v3/sessions", {"title": "t" * 200, "cwd": str(second.workspace)}),
        ]
        assert [answer.refusal for answer in refused] == [(503, "storage_full")] * 3
        assert all(answer.header("retry-after") and answer.error["retryable"] for answer in refused)
        assert {name: content for name, content in stored(second).items() if name != f"{sid}.jsonl"} == {
            name: content for name, content in before.items() if name != f"{sid}.jsonl"
        }
        wholes(second, sid)
        assert [get(second, f"/v3/sessions/{name}").status for name in (sid, idle)] == [200, 200]
    assert {sid, idle} <= {session["id"] for session in second.client.get("/v3/sessions")["sessions"]}
    again = second.client.ask("POST", f"/v3/sessions/{idle}/turns", body, key="once", retry=True)["turnId"]
    assert second.follow(idle, again) == wholes(second, idle)
    accepted = second.client.ask("POST", f"/v3/sessions/{sid}/turns", body, key="once", retry=True)["turnId"]
    followed = second.follow(sid, accepted)
    found = wholes(second, sid)
    assert followed == found
    assert found[: len(seen)] == seen
    assert [event["turn"] for event in found if event["event"] == "turn.start"] == [running, accepted]
    assert [event["turn"] for event in found if event["event"] == "turn.done"] == [running, accepted]
    assert "".join(event["delta"] for event in found if event["event"] == "turn.token" and event["turn"] == running) == "word " * 80
    assert get(second, "/readyz").status == 200


def test_processes_killed_on_a_full_disk_come_back_when_there_is_space(second: Daemon) -> None:
    sid = second.session()
    second.follow(sid, second.submit(sid, "hello"))
    before = wholes(second, sid)
    with full(second.home):
        for service in ("sessions", "agent", "tools", "gateway"):
            second.kill(service)
        assert until(lambda: not second.client.is_ready()[0])
    assert until(lambda: second.client.is_ready()[0]), second.logs()
    assert second.follow(sid, second.submit(sid, "hello again"))[-1]["event"] == "turn.done"
    assert wholes(second, sid)[: len(before)] == before
