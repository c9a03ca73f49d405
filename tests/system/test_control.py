"""People steer, pause and resume a turn of real processes that are killed at random: nothing is lost, nothing is read twice, one ending."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use, Wait
from support.oracles import until
from support.random_kills import RandomKills, insist

from opta_cli.client import new_key
from opta_core.errors import OptaError

pytestmark = pytest.mark.system

STEPS = 90
# More than can pass while the commands of a test start, on any machine; fewer than a turn may have.
MANY_STEPS = 190
# From this step on the model takes its time where it is to be asked, so that no machine is too slow for that.
SLOW_STEP = 60
SERVICES = ("agent", "gateway", "sessions", "tools")


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """A file each step; the turn ends when a person says so, or after STEPS steps, MANY_STEPS for a prompt that wants to be asked."""
    said = sum(message["role"] == "assistant" for message in messages)
    words = " ".join(str(message["content"]) for message in messages if message["role"] == "user")
    is_asked = "until I stop you" in words
    if said >= (MANY_STEPS if is_asked else STEPS) or "That is all." in words:
        return [Say("All is read.")]
    return [
        Wait(1 if is_asked and said >= SLOW_STEP else 0),
        Say(f"Step {said}. ", rate=60),
        Use("read_file", {"path": f"part{said % 5}.txt"}),
    ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[ModelServer, Daemon]]:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        for number in range(5):
            (daemon.workspace / f"part{number}.txt").write_text(f"{number}\n")
        yield model, daemon


def post(daemon: Daemon, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A request that is sent until it is answered, always with the same key. Raises OptaError: it is refused."""
    key = new_key()
    return insist(lambda: daemon.client.post(path, body, key))


def stored(daemon: Daemon, sid: str, name: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == name]


def test_words_pauses_and_kills_at_random(world: tuple[ModelServer, Daemon]) -> None:
    model, daemon = world
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "Read all parts, until I stop you.")
    said: list[str] = []
    pauses = 0

    with RandomKills(daemon, 7):
        for number in range(8):
            words = f"Note {number}."
            post(daemon, f"/v3/sessions/{sid}/steer", {"text": words, "turnId": turn})
            said.append(words)
            if number % 3 == 1:
                post(daemon, f"/v3/sessions/{sid}/pause", {"turnId": turn})
                pauses += 1
                # From another client, and after whatever was killed meanwhile.
                post(daemon, f"/v3/sessions/{sid}/resume", {"turnId": turn})
            assert until(lambda: any(said[-1] in json.dumps(request.body["messages"]) for request in list(model.requests)), 60)
    post(daemon, f"/v3/sessions/{sid}/steer", {"text": "That is all.", "turnId": turn})
    events = daemon.follow(sid, turn)
    assert Counter(event["event"] for event in events)["turn.done"] == 1
    assert events[-1]["event"] == "turn.done" and events[-1]["finish"] == "stop"
    # Each is stored once, read before one step, and stands in the last request once, in the order in which they were said.
    assert [event["text"] for event in stored(daemon, sid, "turn.steer")] == [*said, "That is all."]
    read: dict[str, set[int]] = {}
    for event in stored(daemon, sid, "step.start"):
        for steer in event.get("steers", []):
            read.setdefault(steer["text"], set()).add(event["step"])
    assert {text: len(steps) for text, steps in read.items()} == dict.fromkeys([*said, "That is all."], 1)
    last = json.dumps(model.requests[-1].body["messages"])
    assert [last.count(words) for words in said] == [1] * len(said)
    assert sorted(said, key=last.index) == said
    assert len(stored(daemon, sid, "turn.resumed")) == pauses


def test_a_paused_turn_waits_through_a_restart_of_the_daemon(world: tuple[ModelServer, Daemon]) -> None:
    model, daemon = world
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "Read all parts, until I stop you.")
    assert until(lambda: len(model.requests) > 2, 30)
    said = daemon.opta("sessions", "pause", sid)
    assert said.returncode == 0 and said.stdout == f"{turn} pauses before its next step. Go on: opta sessions resume {sid}\n"
    assert until(lambda: daemon.client.get(f"/v3/sessions/{sid}")["state"] == "paused", 30)
    daemon.down()
    asked = len(model.requests)
    daemon.up()
    assert daemon.client.get(f"/v3/sessions/{sid}")["state"] == "paused"
    for service in ("agent", "sessions"):
        daemon.kill(service)
    # Words for it wait as it does, and are changed meanwhile.
    steered = daemon.opta("sessions", "steer", sid, "That is", "all then.")
    assert steered.returncode == 0, steered.stderr
    id_ = steered.stdout.partition("(")[2].partition(")")[0]
    assert daemon.opta("sessions", "edit", sid, id_, "That is all.").stdout == f"{id_} is changed.\n"
    assert len(model.requests) == asked
    resumed = daemon.opta("sessions", "resume", sid)
    assert resumed.returncode == 0 and "▹ read: That is all." in resumed.stderr and "All is read." in resumed.stdout
    # The step is asked for once more if the agent that began it had not been heard of by the new store.
    later = [str(request.body["messages"]) for request in model.requests[asked:]]
    assert 1 <= len(later) <= 2 and all("That is all." in words for words in later)
    assert len(stored(daemon, sid, "turn.paused")) == 1


def test_the_command_line_shows_limits_and_goes_on_with_more(world: tuple[ModelServer, Daemon]) -> None:
    daemon = world[1]
    limited = daemon.opta("do", "Read all parts.", "--max-steps", "2")
    assert limited.returncode == 5
    assert "The turn met its limit max-steps = 2. Resume it to go on." in limited.stderr
    sid = daemon.client.get("/v3/sessions")["sessions"][0]["id"]
    again = daemon.opta("sessions", "resume", sid, "--max-steps", "100")
    assert again.returncode == 0 and "All is read." in again.stdout
    assert stored(daemon, sid, "turn.start")[1]["limits"] == {"steps": 100}
    refused = daemon.opta("sessions", "steer", sid, "Too late.")
    assert refused.returncode == 1 and f"s-{sid} has no running turn. Send it as a prompt." in refused.stderr
    assert daemon.opta("sessions", "steer", sid).returncode == 2


def test_a_fork_sends_the_request_that_the_old_session_sends(world: tuple[ModelServer, Daemon]) -> None:
    model, daemon = world
    (daemon.workspace / "long.txt").write_text("".join(f"line {number}\n" for number in range(9000)))
    sid = daemon.session(mode="do", level="L3")
    for text in ("Read all parts. That is all.", "Read it again. That is all."):
        assert daemon.follow(sid, daemon.submit(sid, text))[-1]["event"] == "turn.done"
    forked = daemon.client.post(f"/v3/sessions/{sid}/fork", {}, new_key())["session"]
    assert (forked["parent"], forked["parentTurn"]) == (sid, "t2")
    requests: list[str] = []
    for each in (sid, forked["id"]):
        daemon.follow(each, daemon.submit(each, "And once more. That is all."), 0)
        requests.append(json.dumps(model.requests[-1].body["messages"]))
    assert requests[0] == requests[1]
    # Killed at once, the store has the whole fork or none; the same request makes it.
    key = new_key()
    thread = threading.Thread(target=lambda: daemon.kill("sessions"))
    thread.start()
    with contextlib.suppress(OptaError, OSError):
        daemon.client.post(f"/v3/sessions/{sid}/fork", {"turnId": "t1", "again": True}, key)
    thread.join()
    made = []

    def is_made() -> bool:
        with contextlib.suppress(OptaError, OSError):
            made.append(daemon.client.post(f"/v3/sessions/{sid}/fork", {"turnId": "t1", "again": True}, key))
        return bool(made)

    assert until(is_made, 30)
    again = made[0]
    assert daemon.follow(again["session"]["id"], again["turnId"])[-1]["event"] == "turn.done"
    assert [event["text"] for event in stored(daemon, again["session"]["id"], "turn.start")] == ["Read all parts. That is all."]
    said = daemon.opta("sessions", "fork", sid, "--turn", "t1")
    assert said.returncode == 0 and "has the history of" in said.stdout
    said = daemon.opta("sessions", "retry", sid, "--turn", "t2", "--text", "All at once. That is all.")
    assert said.returncode == 0 and "All is read." in said.stdout


def test_a_question_of_the_model_outlives_every_process(tmp_path: Path) -> None:
    def ask(messages: list[dict[str, Any]]) -> list[Action]:
        if any(message["role"] == "tool" for message in messages):
            return [Say("Then so.")]
        return [Use("ask_user", {"question": "Which database?", "options": ["Postgres", "SQLite"]})]

    with ModelServer(ask) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        sid = daemon.session(mode="do")
        turn = daemon.submit(sid, "Set it up.")
        assert until(lambda: bool(daemon.client.get("/v3/questions")["questions"]), 30)
        for service in SERVICES:
            daemon.kill(service)
        daemon.down()
        daemon.up()
        (asked,) = daemon.client.get("/v3/questions")["questions"]
        post(daemon, f"/v3/sessions/{sid}/questions/{asked['questionId']}", {"option": 1})
        assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
        assert model.requests[-1].body["messages"][-1]["content"] == "The user chose: SQLite"
        assert len(stored(daemon, sid, "question.asked")) == 1
        # A client that nobody sits at asks nobody.
        done = daemon.opta("do", "Set it up.")
        assert done.returncode == 0 and "Nobody can be asked" in model.requests[-1].body["messages"][-1]["content"]
