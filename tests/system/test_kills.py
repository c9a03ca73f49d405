"""Kill any process in the middle of turns: nothing accepted is lost, everything comes back, nothing is left over."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import processes_in, until
from support.promises import ENDINGS, check_journal

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Text at a steady rate, and a tool call in the middle of every turn."""
    if messages[-1]["role"] == "tool":
        return [Say("and that is what the tool said. " * 8, rate=150)]
    asked = messages[-1]["content"]
    if "never pause" in asked:
        return [Say("word " * 160, rate=100)]
    if "slow command" in asked:
        return [Use("run_command", {"command": "echo begun >> ran.txt; sleep 4; echo ended >> ran.txt"})]
    return [Say("Some words before the tool. " * 8, rate=150), Use("list_dir", {"path": "."})]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("kills"), model_url=model.url) as running:
        yield running


def seconds_until_back(daemon: Daemon, service: str, old_pid: int) -> float:
    """How long until another process does the service's work."""
    started = time.monotonic()

    def is_back() -> bool:
        with contextlib.suppress(OptaError):
            return daemon.pids().get(service, old_pid) != old_pid and daemon.client.is_ready()[0]
        return False

    assert until(is_back, 20), f"{service} did not come back\n{daemon.logs()}"
    return time.monotonic() - started


@pytest.mark.parametrize("service", ["gateway", "agent", "tools", "sessions"])
@pytest.mark.alone
def test_a_killed_process_costs_nothing_accepted(daemon: Daemon, service: str) -> None:
    sid = daemon.session(mode="do")
    seen: list[bytes] = []
    turn = daemon.submit(sid, f"kill the {service}")
    killer: threading.Thread | None = None
    back: list[float] = []

    def kill() -> None:
        back.append(seconds_until_back(daemon, service, daemon.kill(service)))

    for line in daemon.client.events(sid, 0):
        seen.append(line)
        event = json.loads(line)
        if len(seen) == 20:
            killer = threading.Thread(target=kill)
            killer.start()
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    assert killer is not None
    killer.join()
    assert seen == daemon.journal(sid)
    events = check_journal(seen)
    assert events[-1]["event"] == "turn.done"
    assert back[0] <= limit_s(2.0), f"{service} was back after {back[0]:.2f} s"


@pytest.mark.alone
def test_tokens_go_on_while_the_model_still_speaks_after_a_kill_of_the_store(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    daemon.submit(sid, "never pause")
    seen: list[bytes] = []
    killed_at, silences = 0.0, [0.0]
    came_at = time.monotonic()
    for line in daemon.client.events(sid, 0):
        seen.append(line)
        event = json.loads(line)
        if killed_at and event["event"] == "turn.token":
            silences.append(time.monotonic() - came_at)
        came_at = time.monotonic()
        if len(seen) == 40:
            daemon.kill("sessions")
            killed_at = came_at
        if event["event"] in ENDINGS:
            break
    assert event["event"] == "turn.done"
    assert seen == daemon.journal(sid)
    # The answer takes eight seconds. Without a restart nothing is silent for longer than a token; half a second is
    # what the bench asks for, the rest is for a busy machine.
    assert max(silences) <= limit_s(2.0), f"silent for {max(silences):.2f} s"


def test_a_killed_tool_worker_ends_its_call_and_leaves_no_process(daemon: Daemon) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    turn = daemon.submit(sid, "a slow command")
    started_at = 0.0
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "tool.start":
            assert until((daemon.workspace / "ran.txt").exists, 10)
            daemon.kill("tools")
            started_at = time.monotonic()
        if event["event"] == "tool.result":
            assert (event["ok"], event["code"]) == (False, "worker_lost")
            assert time.monotonic() - started_at <= limit_s(2.5)
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    # The command would have written its last word after four seconds: nobody is left to write it.
    assert until(lambda: not processes_in(daemon.workspace), 4)
    check_journal(daemon.journal(sid))
    assert (daemon.workspace / "ran.txt").read_text() == "begun\n"
    (daemon.workspace / "ran.txt").unlink()


def test_a_killed_agent_does_not_run_a_command_twice(daemon: Daemon) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    turn = daemon.submit(sid, "a slow command")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "tool.start":
            daemon.kill("agent")
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    events = check_journal(daemon.journal(sid))
    assert events[-1]["event"] == "turn.done"
    assert (daemon.workspace / "ran.txt").read_text() == "begun\nended\n"
    (daemon.workspace / "ran.txt").unlink()


def test_restarting_the_gateway_during_a_stream_loses_nothing(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    token = daemon.token
    turn = daemon.submit(sid, "restart the gateway")
    seen: list[bytes] = []
    restarter: threading.Thread | None = None
    for line in daemon.client.events(sid, 0):
        seen.append(line)
        if len(seen) == 15:
            restarter = threading.Thread(target=lambda: daemon.opta("daemon", "restart", "gateway"))
            restarter.start()
        event = json.loads(line)
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    assert restarter is not None
    restarter.join()
    assert daemon.token != token
    assert seen == daemon.journal(sid)
    check_journal(seen)


def test_health_tells_more_with_the_token(daemon: Daemon) -> None:
    health = daemon.client.get("/v3/health")
    assert health["providers"] == [{"name": "lmx", "type": "lmx", "active": False}, {"name": "scripted", "type": "openai", "active": True}]
    assert health["services"]["gateway"] == {"ready": True}


def test_a_stopped_turn_ends_once_and_queued_turns_go_on(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    first, second, third = (daemon.submit(sid, f"turn {number}") for number in range(3))
    daemon.client.post(f"/v3/sessions/{sid}/stop", {"turnId": second})
    daemon.client.post(f"/v3/sessions/{sid}/stop")
    daemon.follow(sid, third)
    endings = {event["turn"]: event["event"] for event in check_journal(daemon.journal(sid)) if event["event"] in ENDINGS}
    assert endings == {first: "session.cancelled", second: "session.cancelled", third: "turn.done"}


def test_an_idempotency_key_makes_one_turn_even_across_a_restart(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    client = daemon.client
    turn = client.post(f"/v3/sessions/{sid}/turns", {"text": "once"}, "the-key")["turnId"]
    seconds_until_back(daemon, "sessions", daemon.kill("sessions"))
    assert client.post(f"/v3/sessions/{sid}/turns", {"text": "once"}, "the-key")["turnId"] == turn
    with pytest.raises(OptaError, match="Idempotency-Key"):
        client.post(f"/v3/sessions/{sid}/turns", {"text": "another"}, "the-key")
    daemon.follow(sid, turn)
    check_journal(daemon.journal(sid))


def test_killing_supervisord_leaves_no_process_and_no_loss(tmp_path: Path) -> None:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        sid = daemon.session(mode="do")
        turn = daemon.submit(sid, "kill everything")
        for line in daemon.client.events(sid, 0):
            if json.loads(line)["event"] == "turn.token":
                break
        import os

        os.kill(daemon.supervisor().pid(), signal.SIGKILL)
        assert daemon.leftovers() == []
        daemon.up()
        daemon.follow(sid, turn)
        check_journal(daemon.journal(sid))
