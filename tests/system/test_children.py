"""Sub-agents in real processes: four at once with a question each, a stop that leaves nothing behind, and kills at random."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import processes_in, until
from support.promises import ENDINGS, check_journal
from support.random_kills import RandomKills, insist

from opta_core.errors import OptaError

pytestmark = pytest.mark.system

SERVICES = ("agent", "gateway", "sessions", "tools")
NAMES = ("api", "docs", "tests", "web")
PLAN = "1. Change a.txt.\n2. Run the tests."


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """The prompt says what is delegated, and the task what a sub-agent does."""
    at = max(at for at, message in enumerate(messages) if message["role"] == "user")
    prompt, results = messages[at]["content"], [message["content"] for message in messages[at:] if message["role"] == "tool"]
    if prompt.startswith("Delegate"):
        if results:
            return [Say("All have reported.")]
        kind = prompt.split()[1].strip(".")
        return [Use("agent", {"title": name, "task": f"Do {kind} {name}."}) for name in NAMES]
    if prompt.startswith("Make a plan"):
        return [Say(PLAN)] if results else [Use("write_file", {"path": "a.txt", "content": "x"})]
    if "accepted this plan" in prompt:
        return [Say("Done as planned.")] if results else [Use("write_file", {"path": "a.txt", "content": "x"})]
    kind, name = re.findall(r"Do (\w+) (\w+)\.", prompt)[0]
    if kind == "writing":
        return [Say(f"{name}: {results[0][:40]}")] if results else [Use("write_file", {"path": f"{name}.txt", "content": f"{name}\n"})]
    if kind == "sleeping":
        return [Use("run_command", {"command": "sleep 300"})]
    if len(results) < 8:
        return [Say("It looks further. " * 3, rate=25), Use("search_files", {"pattern": f"{name}{len(results)}*"})]
    return [Say(f"{name} has looked.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("children"), model_url=model.url) as running:
        yield running


def children_of(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    return list(insist(lambda: daemon.client.get("/v3/sessions", parent=sid))["sessions"])


def asking(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    found = insist(lambda: daemon.client.get("/v3/permissions"))["permissions"]
    return [asked for asked in found if asked.get("parent") == sid]


def four_questions(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def are_there() -> bool:
        found[:] = asking(daemon, sid)
        return len(found) == len(NAMES)

    assert until(are_there, 60), found
    return found


def answer(daemon: Daemon, asked: dict[str, Any], decision: str = "allow") -> None:
    insist(lambda: daemon.client.post(f"/v3/sessions/{asked['sid']}/permissions/{asked['requestId']}", {"decision": decision}))


def check_all(daemon: Daemon, sid: str, turn: str) -> dict[str, str]:
    """Every promise of the session and of its sub-agents; the last event of each of these by its title."""
    check_journal(daemon.journal(sid))
    endings: dict[str, str] = {}
    children = children_of(daemon, sid)
    assert sorted(child["title"] for child in children) == sorted(NAMES)
    for child in children:
        assert until(lambda sid=child["id"]: json.loads(daemon.journal(sid)[-1])["event"] in ENDINGS, 30)
        events = check_journal(daemon.journal(child["id"]))
        assert Counter(event["event"] for event in events)["turn.start"] == 1
        assert (events[0]["parent"], events[0]["parentTurn"]) == (sid, turn)
        endings[child["title"]] = events[-1]["event"]
    return endings


def test_four_work_at_once_with_a_question_each_through_the_death_of_every_process(daemon: Daemon) -> None:
    sid = daemon.session(mode="do", title="The work")
    turn = daemon.submit(sid, "Delegate writing.")
    found = four_questions(daemon, sid)
    assert sorted(asked["title"] for asked in found) == sorted(NAMES)
    assert {(asked["parent"], asked["parentTitle"]) for asked in found} == {(sid, "The work")}
    assert daemon.client.get(f"/v3/sessions/{sid}")["state"] == "waiting"
    for service in SERVICES:
        daemon.kill(service)
    assert {asked["requestId"] for asked in four_questions(daemon, sid)} == {asked["requestId"] for asked in found}
    for number, asked in enumerate(found):
        answer(daemon, asked, "deny" if number == 3 else "allow")
    events = daemon.follow(sid, turn)
    assert events[-1]["event"] == "turn.done" and events[-1]["children"] == 4 and events[-1]["childTokens"] > 0
    assert check_all(daemon, sid, turn) == dict.fromkeys(NAMES, "turn.done")
    results = [event["content"] for event in events if event["event"] == "tool.result"]
    assert len(results) == 4 and all("(sub-agent s-" in result for result in results)
    written = {asked["title"] for asked in found[:3]}
    assert {file.stem for file in daemon.workspace.glob("*.txt")} == written
    for file in daemon.workspace.glob("*.txt"):
        file.unlink()
    # Lists leave them out; who deletes the session deletes them, too.
    assert sid in (listed := daemon.opta("sessions", "list").stdout) and "sub-agent" not in listed
    assert daemon.opta("sessions", "list", "--all").stdout.count(f"(sub-agent of s-{sid})") == 4
    children = [child["id"] for child in children_of(daemon, sid)]
    daemon.client.ask("DELETE", f"/v3/sessions/{sid}")
    folder = daemon.home / "daemon"
    assert until(lambda: all((folder / "trash" / f"{each}.jsonl").exists() for each in (sid, *children)), 20)


def test_a_stop_ends_those_that_run_and_those_that_ask_and_leaves_no_process(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "Delegate sleeping.")
    found = four_questions(daemon, sid)
    for asked in found[:2]:
        answer(daemon, asked)
    assert until(lambda: len(processes_in(daemon.workspace)) >= 2, 30)
    running = children_of(daemon, sid)[0]["id"]
    with pytest.raises(OptaError, match="has a running turn"):
        daemon.client.ask("DELETE", f"/v3/sessions/{running}")
    daemon.client.post(f"/v3/sessions/{sid}/stop")
    assert daemon.follow(sid, turn)[-1]["event"] == "session.cancelled"
    assert check_all(daemon, sid, turn) == dict.fromkeys(NAMES, "session.cancelled")
    assert until(lambda: not processes_in(daemon.workspace), 20), processes_in(daemon.workspace)
    assert not asking(daemon, sid)
    assert {session["state"] for session in (*children_of(daemon, sid), daemon.client.get(f"/v3/sessions/{sid}"))} == {"idle"}


def test_kills_at_random_start_no_child_twice_and_lose_no_report(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "Delegate looking.")
    with RandomKills(daemon, 11, (0.3, 1.0)):
        events = daemon.follow(sid, turn)
    assert events[-1]["event"] == "turn.done"
    assert check_all(daemon, sid, turn) == dict.fromkeys(NAMES, "turn.done")
    results = [event for event in events if event["event"] == "tool.result"]
    assert sorted(result["content"].split(" has looked")[0] for result in results) == sorted(NAMES)
    assert Counter(event["event"] for event in events)["child.start"] == 4


def test_the_command_line_makes_a_plan_and_carries_it_out(daemon: Daemon) -> None:
    planned = daemon.opta("do", "--plan", "Make a plan.")
    assert planned.returncode == 0 and PLAN in planned.stdout
    assert "plan mode only reads" in planned.stderr and not (daemon.workspace / "a.txt").exists()
    sid = daemon.client.get("/v3/sessions")["sessions"][0]["id"]
    assert f"Carry out this plan: opta do --session {sid} --from-plan t1" in planned.stderr
    done = daemon.opta("do", "--session", sid, "--from-plan", "t1", OPTA_POLICY="unrestricted")
    events = check_journal(daemon.journal(sid))
    accepted = next(event for event in events if event.get("fromPlan"))
    assert (accepted["mode"], accepted["fromPlan"]) == ("do", "t1") and PLAN in accepted["text"]
    # A session that nobody sits at allows no write: the turn ends all the same.
    assert "Done as planned." in done.stdout
    refused = daemon.opta("do", "--session", sid, "--from-plan", "t2")
    assert refused.returncode == 2 and "t2 is no turn in mode plan" in refused.stderr
