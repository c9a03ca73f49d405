"""Real processes that die at one named point of their work: the turn goes on or ends clearly, and nothing is done twice."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.promises import ENDINGS, check_journal

pytestmark = pytest.mark.system

CRASHES = Path(__file__).parent.parent / "support" / "crashes"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """A command that says that it ran, between words."""
    if messages[-1]["role"] == "tool":
        return [Say("after it. ", rate=200)]
    return [Say("before it. ", rate=200), Use("run_command", {"command": f"echo {messages[-1]['content']} >> ran.txt"})]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("points")
    (folder / "points").mkdir()
    with ModelServer(reply) as model:
        running = Daemon(folder, model_url=model.url)
        running.environment |= {"OPTA_TEST_CRASH": str(folder / "points")}
        running.starter = [sys.executable, "-I", str(CRASHES / "up.py")]
        with running:
            yield running


def play(daemon: Daemon, process: str, point: str, passes: int, *, asks: bool = False) -> list[dict[str, Any]]:
    """One turn in which the process dies there; its events. Asserts that it died, and every promise."""
    sid = daemon.session(mode="do", policy="standard" if asks else "unrestricted")
    file = Path(daemon.environment["OPTA_TEST_CRASH"]) / f"opta_{process}.{point}"
    file.write_text(str(passes))
    turn = daemon.submit(sid, sid)
    seen: list[bytes] = []
    for line in daemon.client.events(sid, 0):
        seen.append(line)
        event = json.loads(line)
        if event["event"] == "permission.request":
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", {"decision": "allow"})
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    assert not file.exists(), f"{process} never reached {point}"
    assert seen == daemon.journal(sid)
    events = check_journal(seen)
    ran = (daemon.workspace / "ran.txt").read_text().splitlines() if (daemon.workspace / "ran.txt").exists() else []
    assert ran.count(sid) <= 1
    return events


@pytest.mark.parametrize("passes", [0, 1, 3])
@pytest.mark.parametrize(
    "point",
    ["before_write", "mid_line", "after_write_before_fsync", "before_fsync", "after_fsync_before_ack", "before_publish", "after_publish"],
)
def test_a_store_that_dies_at_any_point_of_a_write_loses_and_repeats_nothing(daemon: Daemon, point: str, passes: int) -> None:
    events = play(daemon, "sessions", point, passes)
    assert events[-1]["event"] == "turn.done"


@pytest.mark.parametrize("point", ["before_the_command", "command_waits", "after_the_command"])
def test_a_worker_that_dies_around_a_command_runs_it_at_most_once(daemon: Daemon, point: str) -> None:
    events = play(daemon, "tools", point, 0)
    assert events[-1]["event"] == "turn.done"
    (result,) = [event for event in events if event["event"] == "tool.result"]
    assert result.get("code", "") in ("worker_lost", "")


@pytest.mark.parametrize("point", ["before_asking", "asked"])
def test_an_agent_that_dies_while_asking_asks_once(daemon: Daemon, point: str) -> None:
    events = play(daemon, "agent", point, 0, asks=True)
    assert [event["event"] for event in events if event["event"].startswith("permission.")] == ["permission.request", "permission.decision"]
    assert events[-1]["event"] == "turn.done"


@pytest.mark.parametrize(
    ("process", "point"),
    [
        ("agent", "before_the_summary"),
        ("agent", "summary_is_there"),
        ("agent", "before_the_fold"),
        ("agent", "after_the_fold"),
        ("sessions", "before_write"),
        ("sessions", "after_fsync_before_ack"),
    ],
)
def test_a_compaction_in_which_a_process_dies_happens_once(daemon: Daemon, process: str, point: str) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    for _ in range(4):
        daemon.follow(sid, daemon.submit(sid, f"words {'and more ' * 60}"))
    file = Path(daemon.environment["OPTA_TEST_CRASH"]) / f"opta_{process}.{point}"
    file.write_text("0")
    turn = daemon.client.ask("POST", f"/v3/sessions/{sid}/compact", {}, retry=True)["turnId"]
    daemon.follow(sid, turn)
    assert not file.exists(), f"{process} never reached {point}"
    events = check_journal(daemon.journal(sid))
    assert [event["turn"] for event in events if event["event"] == "context.compacted"] == [turn]
    assert events[-1]["event"] == "turn.done"
    daemon.follow(sid, daemon.submit(sid, "after it"))
    assert check_journal(daemon.journal(sid))[-1]["event"] == "turn.done"


@pytest.mark.parametrize("service", ["gateway", "agent", "tools", "sessions"])
def test_a_question_outlives_whoever_dies_while_it_is_open(daemon: Daemon, service: str) -> None:
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, sid)
    request = ""
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "permission.request":
            request = event["requestId"]
            daemon.kill(service)
            daemon.client.ask("POST", f"/v3/sessions/{sid}/permissions/{request}", {"decision": "allow"}, retry=True)
        if event.get("turn") == turn and event["event"] in ENDINGS:
            break
    events = check_journal(daemon.journal(sid))
    assert [event["requestId"] for event in events if event["event"] == "permission.request"] == [request]
    assert events[-1]["event"] == "turn.done"
    assert (daemon.workspace / "ran.txt").read_text().splitlines().count(sid) == 1


@pytest.mark.parametrize("where", ["trash", "archive"])
@pytest.mark.parametrize("point", ["before_rename", "after_rename"])
def test_a_session_put_away_while_the_store_dies_is_away(daemon: Daemon, point: str, where: str) -> None:
    sid = daemon.session(mode="do")
    (Path(daemon.environment["OPTA_TEST_CRASH"]) / f"opta_sessions.{point}").write_text("0")
    if where == "trash":
        daemon.client.ask("DELETE", f"/v3/sessions/{sid}")
    else:
        done = daemon.opta("sessions", "prune", "--older-than", "0", "--yes")
        assert done.returncode == 0, done.stderr
        assert f"s-{sid}" in done.stdout
    away = daemon.home / "daemon" / where / f"{sid}.jsonl"
    assert until(away.exists, 15)
    check_journal(away.read_bytes().splitlines())
    assert until(lambda: sid not in _listed(daemon), 15)
    assert not (daemon.home / "daemon/sessions" / f"{sid}.jsonl").exists()


def _listed(daemon: Daemon) -> set[str]:
    return {session["id"] for session in daemon.client.get("/v3/sessions")["sessions"]}


def test_prune_alone_only_says_what_it_would_move(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    assert f"s-{sid}" not in daemon.opta("sessions", "prune").stdout
    said = daemon.opta("sessions", "prune", "--older-than", "0")
    assert f"s-{sid}" in said.stdout
    assert "prune --yes" in said.stderr
    assert sid in _listed(daemon)


@pytest.mark.parametrize("service", ["sessions", "gateway"])
def test_an_export_whose_helper_dies_changes_nothing_and_works_again(daemon: Daemon, service: str) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    daemon.follow(sid, daemon.submit(sid, sid))
    before = daemon.journal(sid)
    file = daemon.workspace / f"{service}.json"
    exporting = threading.Thread(target=lambda: daemon.opta("sessions", "export", sid, "--format", "json", "--output", str(file)))
    exporting.start()
    time.sleep(0.12)
    daemon.kill(service)
    exporting.join()
    if not file.exists():
        assert daemon.opta("sessions", "export", sid, "--format", "json", "--output", str(file)).returncode == 0
    assert [event["seq"] for event in json.loads(file.read_text())["events"]] == list(range(1, len(before) + 1))
    assert daemon.journal(sid) == before
