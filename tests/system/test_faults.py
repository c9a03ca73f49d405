"""What a machine does to a daemon: no free descriptors, a read-only disk, leftovers of an earlier start, a second writer, a client that never reads.

Most tests share one daemon, whose sessions are on a file system of their own. A test that stops the daemon starts it again.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import websockets
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import cpu_s, until, until_async
from support.promises import ENDINGS, check_journal

from opta_core import fallback_folder
from opta_core.errors import OptaError
from opta_core.process.process import memory_bytes

pytestmark = pytest.mark.system

SERVICES = ("gateway", "agent", "tools", "sessions")


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """`flood`: much text at once; `leave`: a command that leaves a process behind; `deadly`: a long answer; else some words."""
    asked = str(messages[-1]["content"])
    if messages[-1]["role"] == "tool":
        return [Say("done")]
    if asked.startswith("flood"):
        return [Say("x" * 400_000, size=40)]
    if asked.startswith("leave"):
        return [Use("run_command", {"command": "(setsid sleep 301 >/dev/null 2>&1 &) ; sleep 20"})]
    if any("deadly" in str(message["content"]) for message in messages):
        return [Say("words and words. " * 40, rate=20)]
    return [Say("some words. " * 4, rate=200)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model:
        made = Daemon(tmp_path_factory.mktemp("faults"), model_url=model.url)
        sessions = made.home / "daemon" / "sessions"
        sessions.mkdir(parents=True, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(sessions)], check=True)
        try:
            with made:
                yield made
        finally:
            subprocess.run(["umount", "-l", str(sessions)], check=True)


def works(daemon: Daemon) -> str:
    """A whole turn; its session."""
    sid = daemon.session()
    daemon.follow(sid, daemon.submit(sid, "words"))
    assert check_journal(daemon.journal(sid))[-1]["event"] == "turn.done"
    return sid


@contextlib.contextmanager
def no_free_descriptors(pid: int) -> Generator[None]:
    """A process can open nothing more, not even a connection: the three descriptors that it started with are taken. What is open stays open."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_a_session_store_without_free_descriptors_says_so_and_continues_when_it_has_some(daemon: Daemon) -> None:
    pid = daemon.pids()["sessions"]
    with no_free_descriptors(pid), pytest.raises(OptaError, match="Too many open files"):
        daemon.client.ask("POST", "/v3/sessions", {"cwd": str(daemon.workspace)}, retry=False)
    works(daemon)
    assert daemon.pids()["sessions"] == pid


def test_a_gateway_without_free_descriptors_answers_a_waiting_request_when_it_has_some(daemon: Daemon) -> None:
    works(daemon)  # the REST API is loaded
    pid = daemon.pids()["gateway"]
    with ThreadPoolExecutor(1) as other:
        with no_free_descriptors(pid):
            before = cpu_s(pid)
            asked = other.submit(daemon.client.ask, "POST", "/v3/sessions", {"cwd": str(daemon.workspace)}, retry=False)
            assert until(lambda: cpu_s(pid) > before + 0.01)  # it has tried to accept the connection
            assert not asked.done()
        assert asked.result(limit_s(30))["id"]
    works(daemon)
    assert daemon.pids()["gateway"] == pid


def test_a_session_store_on_a_read_only_disk_says_so_and_continues_when_it_is_writable(daemon: Daemon) -> None:
    sessions = daemon.home / "daemon" / "sessions"
    sid = works(daemon)
    _remount(daemon, sessions, "ro")
    with pytest.raises(OptaError, match="No event can be written"):
        daemon.client.ask("POST", f"/v3/sessions/{sid}/turns", {"text": "words"}, retry=False)
    assert daemon.client.get(f"/v3/sessions/{sid}/events")["lastSeq"] > 3
    assert until(lambda: not daemon.client.is_ready()[0])
    assert daemon.client.is_ready()[1]["services"] == {"sessions": "the disk cannot be written"}
    found = daemon.client.post("/v3/diagnose", {})
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == ("disk_full", "orchestration", "command")
    assert found["evidence"]["probe"]["reason"] == "no event can be written"
    # The same store continues: nothing is open for writing now.
    subprocess.run(["mount", "-o", "remount,rw", str(sessions)], check=True)
    assert until(lambda: daemon.client.is_ready()[0])
    daemon.follow(sid, daemon.submit(sid, "words"))
    check_journal(daemon.journal(sid))


def _remount(daemon: Daemon, folder: Path, how: str) -> None:
    # Files that are open for writing keep a file system writable, so the store is stopped meanwhile.
    supervisor = daemon.supervisor()
    supervisor.stop("sessions")
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True, capture_output=True)
    supervisor.start("sessions")


def test_a_second_writer_is_refused_and_writes_nothing(daemon: Daemon) -> None:
    sid = works(daemon)
    before = daemon.journal(sid)
    environment = {**daemon.environment, "OPTA_RUN": str(daemon.loaded.paths.run)}
    done = subprocess.run(
        [sys.executable, "-m", "opta_sessions"], env=environment, capture_output=True, text=True, timeout=limit_s(30), check=False, cwd="/"
    )
    assert done.returncode == 1
    assert "another sessions of this home is still running" in done.stderr
    assert daemon.journal(sid) == before
    works(daemon)


def test_two_starts_at_once_make_one_daemon_every_time(tmp_path: Path) -> None:
    """A hundred by name: OPTA_TEST_STARTS=100."""
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url)
        for _ in range(int(os.environ.get("OPTA_TEST_STARTS", "2"))):
            starts = [threading.Thread(target=daemon.up) for _ in range(2)]
            for start in starts:
                start.start()
            for start in starts:
                start.join()
            pids = daemon.pids()
            assert set(pids) == {*SERVICES, "desktop"}
            assert daemon.client.is_ready()[0]
            daemon.down()
            assert daemon.leftovers() == []


def unread_bytes(connection: websockets.ClientConnection) -> int:
    """How much has arrived on a connection and waits in the kernel."""
    count = fcntl.ioctl(connection.transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def test_a_client_that_never_reads_changes_nothing_for_the_others(daemon: Daemon) -> None:
    sid = daemon.session()
    turn = daemon.submit(sid, "flood")
    daemon.follow(sid, turn)

    async def story() -> tuple[int, int]:
        url = f"ws://127.0.0.1:{daemon.port}/v3/sessions/{sid}/stream?afterSeq=0"
        headers = {"Authorization": f"Bearer {daemon.token}"}
        gateway = daemon.pids()["gateway"]
        before = memory_bytes(gateway)
        silent = [
            await websockets.connect(url, additional_headers=headers, compression=None, max_queue=1, proxy=None, ping_interval=None)
            for _ in range(8)
        ]
        for socket in silent:
            socket.transport.pause_reading()
        # What the gateway sends arrives and is not read.
        assert await until_async(lambda: all(unread_bytes(socket) > 0 for socket in silent))
        sid_2 = await asyncio.to_thread(works, daemon)
        after = memory_bytes(gateway)
        assert sid_2
        for socket in silent:
            socket.transport.abort()
        return before, after

    before, after = asyncio.run(story())
    assert after - before < 24 * 1024 * 1024


def test_what_a_command_left_behind_dies_with_a_killed_worker(daemon: Daemon) -> None:
    _until_left_behind(daemon)
    daemon.kill("tools")
    _assert_gone(daemon)


def test_a_killed_supervisord_leaves_no_process_and_its_files_do_not_hinder_the_next_start(daemon: Daemon) -> None:
    sid = works(daemon)
    _until_left_behind(daemon)
    os.kill(daemon.supervisor().pid(), signal.SIGKILL)
    _assert_gone(daemon)
    assert daemon.leftovers() == []
    run = daemon.loaded.paths.run
    assert (run / "supervisor.sock").exists()
    (run / "supervisord.pid").write_text(str(os.getpid()))
    (run / "store.in").unlink()
    (run / "store.in").write_text("no socket at all")
    for name in ("agent.starts", "agent.incarnation", "gateway.lock"):
        (run / name).write_text('["garbage", {')
    (daemon.home / "daemon" / "state.json").write_text('{"pid": "x"')
    (daemon.home / "daemon" / "token").write_text("")
    (daemon.home / "daemon" / "sessions" / "index.lines").write_text("{")
    # A clock that was far ahead when the last start was noted.
    (run / "sessions.starts").write_text(json.dumps([time.time() + 86_400] * 20))
    daemon.up()
    assert sid in {session["id"] for session in daemon.client.get("/v3/sessions")["sessions"]}
    works(daemon)


def _until_left_behind(daemon: Daemon) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    daemon.submit(sid, "leave something")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "tool.start":
            # The recorded process is the one above everything of the command.
            assert Path(f"/proc/{event['pid']}").exists()
            break
    assert until(lambda: bool(_left_behind(daemon)))


def _left_behind(daemon: Daemon) -> list[str]:
    found: list[str] = []
    for pid in os.listdir("/proc"):
        try:
            if pid.isdigit() and b"sleep\x00301" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found += [pid] if os.readlink(f"/proc/{pid}/cwd") == str(daemon.workspace) else []
        except OSError:
            pass
    return found


def _assert_gone(daemon: Daemon) -> None:
    assert until(lambda: not _left_behind(daemon))


def test_a_turn_under_which_every_agent_dies_ends_and_can_be_resumed(daemon: Daemon) -> None:
    sid = daemon.session()
    turn = daemon.submit(sid, "a deadly prompt")
    ending: dict[str, Any] = {}
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "step.start":
            daemon.kill("agent")
        if event.get("turn") == turn and event["event"] in ENDINGS:
            ending = event
            break
    assert (ending["event"], ending["code"], ending["resumable"]) == ("turn.error", "agent_restarted", True)
    assert daemon.client.get(f"/v3/sessions/{sid}")["resumable"] == turn
    resumed = daemon.client.post(f"/v3/sessions/{sid}/resume", {}, "key")["turnId"]
    assert daemon.client.post(f"/v3/sessions/{sid}/resume", {}, "key")["turnId"] == resumed
    daemon.client.post(f"/v3/sessions/{sid}/stop")
    events = check_journal([*_until_ended(daemon, sid, resumed)])
    assert next(event for event in events if event.get("turn") == resumed)["resumes"] == turn
    done = daemon.opta("sessions", "resume", sid, timeout_s=90)
    assert done.returncode == 0, done.stderr
    assert "words and words" in done.stdout
    again = daemon.opta("sessions", "resume", sid)
    assert again.returncode == 1
    assert "nothing to resume" in again.stderr


def _until_ended(daemon: Daemon, sid: str, turn: str) -> list[bytes]:
    daemon.follow(sid, turn)
    return daemon.journal(sid)


def test_a_folder_that_is_removed_under_a_daemon_ends_all_of_it(tmp_path: Path) -> None:
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url)
        config = (daemon.home / "config.toml").read_text()
        for removed in ("daemon", "daemon/sessions", "."):
            daemon.home.mkdir(mode=0o700, exist_ok=True)
            (daemon.home / "config.toml").write_text(config)
            # The start after a removal makes what is missing.
            daemon.up()
            works(daemon)
            supervisor = daemon.supervisor().pid()
            # Whichever process notices first says so and has the others stopped.
            logs = [path.open("rb") for path in (daemon.home / "daemon/logs").glob("*.log")]
            for log in logs:
                log.seek(0, os.SEEK_END)
            shutil.rmtree(daemon.home / removed)
            assert until(lambda pid=supervisor: not Path(f"/proc/{pid}").exists())
            assert daemon.leftovers() == []
            assert any(b"was removed while the daemon ran" in log.read() for log in logs)
            for log in logs:
                log.close()
            assert not (daemon.home / removed).exists() or removed == "."
        daemon.home.mkdir(mode=0o700, exist_ok=True)
        (daemon.home / "config.toml").write_text(config)
        with daemon:
            works(daemon)


def test_a_damaged_session_is_repaired_from_the_command_line(daemon: Daemon) -> None:
    sid = works(daemon)
    file = daemon.home / "daemon/sessions" / f"{sid}.jsonl"
    daemon.down()
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\r\n".join([*lines[:2], b"garbage", *lines[3:]]) + b"\r\n")
    daemon.up()
    with pytest.raises(OptaError, match=f"opta sessions repair {sid}"):
        daemon.submit(sid, "words")
    shown = daemon.opta("sessions", "repair", sid)
    assert (shown.returncode, "line 3 of the session" in shown.stdout, "--yes" in shown.stderr) == (0, True, True)
    done = daemon.opta("sessions", "repair", sid, "--yes")
    assert (done.returncode, f"{sid}.damaged-1" in done.stdout) == (0, True)
    daemon.follow(sid, daemon.submit(sid, "words"))
    assert "is not damaged" in daemon.opta("sessions", "repair", sid).stdout
    unknown = daemon.opta("sessions", "repair", "zzzzzz")
    assert unknown.returncode != 0 and "no session" in unknown.stderr


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_home_that_takes_no_writes_at_the_start_is_read_and_says_so(tmp_path: Path, how: str) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", str(home)], check=True)
    try:
        with ModelServer(reply) as model:
            daemon = Daemon(tmp_path, model_url=model.url)
            with daemon:
                sid = works(daemon)
            if how == "full":
                with open(home / "filler", "ab", buffering=0) as handle, contextlib.suppress(OSError):
                    while True:
                        handle.write(b"x" * 4096)
            else:
                subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
            before = {file: file.read_bytes() for file in (home / "daemon/sessions").iterdir()}
            up = daemon.opta("up", "--no-open", "--detach", "--only", daemon.only)
            assert up.returncode == 0, up.stderr
            assert "cannot be written" in up.stderr and str(home) in up.stderr
            assert not daemon.loaded.paths.runtime.is_relative_to(home)
            assert daemon.loaded.paths.runtime.stat().st_mode & 0o077 == 0
            # Read: by the API and from the command line.
            assert daemon.client.get(f"/v3/sessions/{sid}/events")["lastSeq"] > 3
            assert f"s-{sid}" in daemon.opta("sessions", "list").stdout
            for ask in (
                lambda: daemon.client.ask("POST", f"/v3/sessions/{sid}/turns", {"text": "words " * 2000}, retry=False),
                lambda: daemon.client.ask("POST", "/v3/sessions", {"cwd": str(daemon.workspace)}, retry=False),
            ):
                with pytest.raises(OptaError) as refused:
                    ask()
                assert (refused.value.code, refused.value.retryable) == ("storage_full", True)
            assert "cannot be written" in daemon.opta("status").stdout
            doctor = daemon.opta("doctor")
            assert doctor.returncode == 1
            assert "cannot be written" in doctor.stdout
            assert before == {file: file.read_bytes() for file in (home / "daemon/sessions").iterdir()}
            # The same daemon continues when there is space, and clients still find it.
            if how == "full":
                (home / "filler").unlink()
            else:
                subprocess.run(["mount", "-o", "remount,rw", str(home)], check=True)
            assert until(lambda: daemon.client.is_ready()[0])
            daemon.follow(sid, daemon.submit(sid, "words"))
            assert "already running" in daemon.opta("up", "--no-open", "--detach").stdout
            daemon.down()
            assert daemon.leftovers() == []
            with daemon:
                assert daemon.loaded.paths.runtime.is_relative_to(home)
                assert not any(place.exists() for place in fallback_folder.candidates(home))
                works(daemon)
                check_journal(daemon.journal(sid))
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)
