"""A fresh home and nothing configured: the built-in model answers through every process."""

import json
import signal
import time
from collections.abc import Iterator

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.oracles import until
from support.promises import ENDINGS, check_journal

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("first")) as running:
        (running.workspace / "README.md").write_text("# Opta\n\nA workspace.\n")
        yield running


def test_what_is_two_and_two(daemon: Daemon) -> None:
    done = daemon.opta("chat", "--once", "What is 2+2?")
    assert (done.stdout, done.returncode) == ("4\n", 0), done.stderr


def test_a_prompt_is_read_from_standard_input(daemon: Daemon) -> None:
    assert daemon.opta("chat", "--once", stdin="What is 17+25?").stdout == "42\n"


def test_do_reads_the_file_and_says_what_it_found(daemon: Daemon) -> None:
    done = daemon.opta("do", "--json", "Read the file README.md")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.encode().splitlines()
    events = check_journal(lines)
    assert lines == daemon.journal(events[0]["sid"])
    (call,) = [event for event in events if event["event"] == "tool.call"]
    assert (call["name"], call["args"]) == ("read_file", {"path": "README.md"})
    (result,) = [event for event in events if event["event"] == "tool.result"]
    assert (result["ok"], result["content"]) == (True, "1\t# Opta\n2\t\n3\tA workspace.")
    assert "".join(event["delta"] for event in events if event["event"] == "turn.token") == "The file begins with: # Opta"


def test_in_chat_without_a_terminal_nobody_can_be_asked(daemon: Daemon) -> None:
    done = daemon.opta("chat", "--once", "Read the file README.md")
    assert done.returncode == 4
    assert "nobody can be asked" in done.stderr


def test_the_model_says_plainly_what_it_is(daemon: Daemon) -> None:
    assert "self-test" in daemon.opta("chat", "--once", "Write a poem about the sea").stdout
    (model,) = daemon.client.get("/v3/models")["models"]
    assert (model["id"], model["capability"], model["default"]) == ("lmx/probe", "probe", True)


def test_doctor_asks_the_probe(daemon: Daemon) -> None:
    done = daemon.opta("doctor", "--probe")
    assert done.returncode == 0, done.stdout
    assert "✓ probe: lmx/probe: read_file ran, 'The file begins with: 2+2 = 4'" in done.stdout


def test_a_model_that_is_not_loaded_is_named_and_loaded(daemon: Daemon) -> None:
    daemon.client.post("/v3/lmx/models/unload", {"model": "probe"})
    found = daemon.client.post("/v3/diagnose", {"probe": False})
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == ("model_unloaded", "inference", "load_model")
    assert "✓ fix: Load probe: probe is loaded." in daemon.opta("doctor", "--fix").stdout
    assert daemon.client.post("/v3/diagnose", {})["findings"] == []


def test_an_engine_that_is_suspended_is_named_and_replaced(daemon: Daemon) -> None:
    assert until(lambda: daemon.engine_pid() > 0)
    pid = daemon.kill("engine", signal.SIGSTOP)
    began = time.monotonic()
    found = daemon.client.post("/v3/diagnose", {})
    assert time.monotonic() - began < limit_s(10)
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == ("model_silent", "inference", "load_model")
    done = daemon.client.post("/v3/diagnose/fix", {"kind": "load_model", "target": "probe"})
    assert done["done"] == "probe is loaded."
    assert daemon.client.post("/v3/diagnose", {})["evidence"]["probe"]["state"] == "ok"
    assert until(lambda: daemon.engine_pid() not in (0, pid))


@pytest.mark.parametrize("how", ["suspended", "stopped"])
def test_a_model_server_that_gets_no_time_or_was_stopped_is_named_and_started(daemon: Daemon, how: str) -> None:
    if how == "suspended":
        daemon.kill("lmx", signal.SIGSTOP)
    else:
        daemon.supervisor().stop("lmx")
    found = daemon.client.post("/v3/diagnose", {})
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["target"]) == (
        "service_suspended" if how == "suspended" else "service_down",
        "inference",
        "lmx",
    )
    done = daemon.opta("doctor", "--fix", "--probe")
    assert done.returncode == 0, done.stdout
    assert until(lambda: daemon.engine_pid() > 0)


def test_a_killed_engine_is_back_and_the_turn_goes_on(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    old = daemon.engine_pid()
    turn = daemon.submit(sid, "Read the file README.md")
    killed = False
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "step.start" and not killed:
            killed = daemon.kill("engine", signal.SIGKILL) > 0
        if event.get("turn") == turn and event["event"] in ENDINGS:
            assert event["event"] == "turn.done", event
            break
    assert killed
    check_journal(daemon.journal(sid))
    assert until(lambda: daemon.engine_pid() not in (0, old), 15)
    assert daemon.opta("chat", "--once", "What is 3+4?").stdout == "7\n"


def test_lists_shows_and_exports(daemon: Daemon) -> None:
    sid = daemon.session(mode="do", title="for export")
    daemon.follow(sid, daemon.submit(sid, "What is 5+6?"))
    assert f"s-{sid}" in daemon.opta("sessions", "list").stdout
    shown = daemon.opta("sessions", "show", f"s-{sid}").stdout
    assert shown.startswith("you ▸ What is 5+6?\nstep 1\n11\n3 tokens")
    exported = json.loads(daemon.opta("sessions", "export", sid, "--format", "json").stdout)
    assert [event["seq"] for event in exported["events"]] == list(range(1, exported["session"]["lastSeq"] + 1))
    assert "## You · t1" in daemon.opta("sessions", "export", sid).stdout


def test_the_command_line_says_what_is_wrong(daemon: Daemon) -> None:
    unknown = daemon.opta("config", "set", "max-stepz", "3")
    assert (unknown.returncode, "max-steps" in unknown.stderr) == (2, True)
    missing = daemon.opta("sessions", "show", "zzzzzz")
    assert missing.returncode != 0
    assert "There is no session" in missing.stderr
    assert daemon.opta("do", stdin="").returncode == 2
    with pytest.raises(OptaError, match="absolute path"):
        daemon.client.post("/v3/sessions", {"cwd": "relative"})


def test_without_a_daemon_and_without_starting_one_the_exit_code_is_three(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Daemon(tmp_path_factory.mktemp("none"))
    done = home.opta("--no-daemon-start", "chat", "--once", "hello")
    assert (done.returncode, "opta up" in done.stderr) == (3, True)


def test_an_engine_that_stood_still_for_a_while_answers_again(daemon: Daemon) -> None:
    pid = daemon.kill("engine", signal.SIGSTOP)
    time.sleep(3)
    daemon.kill("engine", signal.SIGCONT)
    assert daemon.opta("chat", "--once", "What is 8+9?").stdout == "17\n"
    assert daemon.engine_pid() == pid
