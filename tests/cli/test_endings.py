"""How a turn ends on the command line: its exit code, and an answer that is printed exactly once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.model_server import Action, Drop, Fail, ModelServer, Say, Use
from support.oracles import until

from opta_cli.exit_codes import MEANINGS, ExitCode, of_error, of_finish, of_signal
from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

pytestmark = pytest.mark.system
DROPPED: list[str] = []


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    text = str(last["content"])
    if "loop" in str(messages) and "for ever" in str(messages):
        return [Use("list_dir", {"path": "." + "/." * len(messages)})]
    if last["role"] == "tool":
        return [Say("done with it")]
    if "write" in text:
        return [Use("write_file", {"path": "typed.txt", "content": "x\n"})]
    if "refuse" in text:
        return [Fail(400, "no such thing")]
    if "slowly" in text:
        return [Say("tick " * 2000, rate=40, size=5)]
    if "drops once" in text and not DROPPED:
        DROPPED.append("once")
        return [Say("Half of an answer"), Drop()]
    if "drops once" in text:
        return [Say("The whole answer.")]
    if "echo" in text:
        return [Say(f"I read: {text}")]
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("ends"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        yield it


def last_session(daemon: Daemon) -> dict[str, Any]:
    return daemon.client.get("/v3/sessions", limit=1)["sessions"][0]


def test_the_table_of_exit_codes_is_complete() -> None:
    assert [code.value for code in MEANINGS] == [0, 1, 2, 3, 4, 5, 130]
    assert of_finish("stop", was_denied=False) == 0
    assert of_finish("stop", was_denied=True) == 4
    assert {of_finish(finish, was_denied=True) for finish in ("steps", "budget", "length")} == {5}
    assert (of_signal(signal.SIGINT), of_signal(signal.SIGTERM)) == (130, 143)
    known = {code: of_error(OptaError("", code=code)) for code in ErrorCode}
    assert {code for code, exit_code in known.items() if exit_code == ExitCode.misuse} == {
        ErrorCode.invalid,
        ErrorCode.bad_request,
        ErrorCode.not_found,
        ErrorCode.model_not_found,
        ErrorCode.too_large,
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["do", "hello"], 0),
        (["do", "refuse"], 1),
        (["do", "write it"], 4),
        (["do", "--max-steps", "2", "loop for ever"], 5),
    ],
)
def test_the_exit_code_says_how_a_turn_ended(daemon: Daemon, words: list[str], code: int) -> None:
    done = daemon.opta(*words)
    assert done.returncode == code, done.stderr
    if code == 5:
        assert "the turn met a limit" in done.stderr
        assert f"opta sessions resume s-{last_session(daemon)['id']}" in done.stderr


def test_what_is_piped_in_is_part_of_the_prompt(daemon: Daemon) -> None:
    done = daemon.opta("do", "echo: review this", stdin="diff --git a/x b/x\n+one line\n")
    assert (done.returncode, done.stdout) == (0, "I read: echo: review this\n\ndiff --git a/x b/x\n+one line\n")
    assert daemon.opta("do", stdin="echo alone").stdout == "I read: echo alone\n"


def test_an_answer_that_is_repeated_is_printed_once(daemon: Daemon) -> None:
    done = daemon.opta("do", "drops once")
    assert (done.returncode, done.stdout) == (0, "The whole answer.\n")
    assert "repeated from here" in done.stderr


def test_json_prints_the_stored_lines(daemon: Daemon) -> None:
    done = daemon.opta("do", "--json", "hello")
    lines = done.stdout.encode().splitlines()
    assert lines[-1] == daemon.journal(json.loads(lines[0])["sid"])[-1]
    assert json.loads(lines[-1])["event"] == "turn.done"


def start(daemon: Daemon, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [str(OPTA), *words], env=daemon.environment, cwd=daemon.workspace, stdin=subprocess.DEVNULL, start_new_session=True, **options
    )


@pytest.mark.parametrize(
    ("words", "number", "code", "state"),
    [
        (["chat", "--once", "slowly"], signal.SIGTERM, 143, "idle"),
        (["do", "loop for ever"], signal.SIGHUP, 129, "paused"),
        (["chat", "--once", "slowly"], signal.SIGINT, 130, "idle"),
    ],
)
def test_a_command_that_is_ended_does_not_leave_its_turn_running(
    daemon: Daemon, words: list[str], number: int, code: int, state: str, tmp_path: Path
) -> None:
    before = last_session(daemon)["id"]
    with open(tmp_path / "out", "wb") as out:
        # pytest may run with SIGINT ignored, and its children inherit that.
        process = start(daemon, *words, stdout=out, stderr=out, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        assert until(lambda: last_session(daemon)["id"] != before and last_session(daemon)["state"] == "running")
        sid = last_session(daemon)["id"]
        assert until(lambda: b"step.start" in b"".join(daemon.journal(sid)))
        os.kill(process.pid, number)
        assert process.wait(limit_s(20)) == code, (tmp_path / "out").read_bytes()
    assert until(lambda: last_session(daemon)["state"] == state)
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})


def test_a_reader_that_goes_away_stops_the_answer(daemon: Daemon) -> None:
    process = start(daemon, "chat", "--once", "slowly", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(limit_s(20)) == 130
    assert until(lambda: last_session(daemon)["state"] == "idle")


def test_a_list_that_nobody_reads_to_its_end_is_no_error(daemon: Daemon) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [str(OPTA), "sessions", "list"], env=daemon.environment, stdout=writing, stderr=subprocess.PIPE, timeout=limit_s(20), check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(daemon: Daemon, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{OPTA} sessions list {closed}"],
        env=daemon.environment,
        capture_output=True,
        text=True,
        timeout=limit_s(20),
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_a_terminal_without_utf_8_gets_escapes_and_a_file_utf_8(daemon: Daemon) -> None:
    daemon.client.ask("PATCH", f"/v3/sessions/{last_session(daemon)['id']}", {"title": "größer ✓"})
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert "größer ✓" in daemon.opta("sessions", "list", **plain).stdout
    narrow = daemon.opta("sessions", "list", **plain, PYTHONIOENCODING="ascii")
    assert (narrow.returncode, "gr\\xf6\\xdfer \\u2713" in narrow.stdout) == (0, True), narrow.stderr


def test_ctrl_c_while_a_command_starts_is_no_traceback(daemon: Daemon) -> None:
    begin = "import signal, sys; sys.argv = ['opta', 'status']; import opta_cli.main as program; "
    # As early as the program itself can be interrupted: at the first import of the command.
    early = "import os; from opta_cli import standard_streams as s; s.repair = lambda: os.kill(os.getpid(), signal.SIGINT); program.main()"
    done = subprocess.run(
        [sys.executable, "-c", begin + early],
        env=daemon.environment,
        capture_output=True,
        text=True,
        timeout=limit_s(20),
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_deleted_session_comes_back_and_stays_after_a_restart_of_the_store(daemon: Daemon) -> None:
    sid = daemon.session(interactive=False, title="kept")
    daemon.follow(sid, daemon.submit(sid, "hello"))
    assert daemon.opta("sessions", "delete", sid, "--yes").returncode == 0
    assert until(lambda: f"s-{sid}  trash" in daemon.opta("sessions", "restore").stdout)
    assert f"s-{sid}" not in daemon.opta("sessions", "list").stdout
    restored = daemon.opta("sessions", "restore", sid[:5])
    assert (restored.returncode, restored.stdout.startswith(f"s-{sid} is back: kept.")) == (0, True), restored.stderr
    daemon.kill("sessions")
    assert until(lambda: f"s-{sid}" in daemon.opta("sessions", "list").stdout)
    assert [json.loads(line)["seq"] for line in daemon.journal(sid)] == list(range(1, len(daemon.journal(sid)) + 1))
    # Restored once more, nothing changes, and it works on.
    assert daemon.opta("sessions", "restore", sid).returncode == 0
    assert daemon.opta("do", "--session", sid, "hello").stdout == "Hello from the model.\n"
