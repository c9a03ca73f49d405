"""A question that is over takes no answer, and says why: expired, answered, or of a turn that has ended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return (
        [Say("done")] if messages[-1]["role"] == "tool" else [Use("run_command", {"command": "rm -f gone; echo x > ran", "timeout_s": 7})]
    )


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = "[permissions]\ntimeout_s = 4\n"
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("late"), model_url=model.url, config=config) as running:
        yield running


def asked(daemon: Daemon) -> tuple[str, str, dict[str, Any]]:
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "go")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "permission.request":
            return sid, turn, event
    raise AssertionError("nothing was asked")


def refusal(daemon: Daemon, sid: str, request: dict[str, Any]) -> OptaError:
    with pytest.raises(OptaError) as caught:
        daemon.client.post(f"/v3/sessions/{sid}/permissions/{request['requestId']}", {"decision": "allow"})
    assert caught.value.code == "conflict"
    return caught.value


def test_an_answer_after_the_end_of_its_time_is_refused(daemon: Daemon) -> None:
    sid, turn, request = asked(daemon)
    events = daemon.follow(sid, turn)
    (decision,) = [event for event in events if event["event"] == "permission.decision"]
    assert (decision["by"], decision["decision"]) == ("timeout", "deny")
    assert "Nobody answered this question in time" in str(refusal(daemon, sid, request))
    assert not (daemon.workspace / "ran").exists()


def test_an_answer_to_an_expired_question_is_refused_while_its_agent_is_gone(daemon: Daemon) -> None:
    sid, turn, request = asked(daemon)
    daemon.supervisor().stop("agent")
    try:
        expires_at = datetime.fromisoformat(request["expiresAt"])
        assert until(lambda: datetime.now(UTC) > expires_at, 5)
        assert "expired" in str(refusal(daemon, sid, request))
    finally:
        daemon.supervisor().start("agent")
    # The next agent does not give it more time than was shown.
    events = daemon.follow(sid, turn)
    assert [event["by"] for event in events if event["event"] == "permission.decision"] == ["timeout"]
    assert not (daemon.workspace / "ran").exists()


def test_a_second_answer_and_one_after_the_turn_are_refused(daemon: Daemon) -> None:
    sid, turn, request = asked(daemon)
    daemon.client.post(f"/v3/sessions/{sid}/permissions/{request['requestId']}", {"decision": "deny", "client": "the terminal"})
    assert "answered already in the terminal: denied" in str(refusal(daemon, sid, request))
    daemon.follow(sid, turn)
    sid, turn, request = asked(daemon)
    daemon.client.post(f"/v3/sessions/{sid}/stop", {"turnId": turn})
    daemon.follow(sid, turn)
    assert "turn of this question has ended" in str(refusal(daemon, sid, request))


def test_a_question_that_offers_nothing_lasting_takes_no_lasting_answer(daemon: Daemon) -> None:
    sid, turn, request = asked(daemon)
    assert "offers" not in request  # the command deletes, so each one is asked about
    for decision in ("session", "always"):
        with pytest.raises(OptaError, match="does not offer that"):
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{request['requestId']}", {"decision": decision})
    daemon.client.post(f"/v3/sessions/{sid}/permissions/{request['requestId']}", {"decision": "deny"})
    daemon.follow(sid, turn)


def test_a_question_says_where_and_how_the_command_runs(daemon: Daemon) -> None:
    sid, turn, request = asked(daemon)
    assert request["execution"]["folder"] == str(daemon.workspace)
    assert request["execution"]["timeoutS"] == 7
    assert request["execution"]["sandbox"] in ("full", "landlock", "none")
    assert request["expiresAt"] > request["ts"]
    daemon.client.post(f"/v3/sessions/{sid}/permissions/{request['requestId']}", {"decision": "allow"})
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    assert (daemon.workspace / "ran").read_text() == "x\n"
