"""What a person allowed of a script runner holds for the scripts that were shown, from the question to the last call."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """One call of the runner."""
    return [Say("done")] if messages[-1]["role"] == "tool" else [Use("run_command", {"command": "npm test"})]


def turn(daemon: Daemon, sid: str, on_question: Callable[[dict[str, Any]], None]) -> tuple[list[str], str]:
    """(the reasons of its questions, what the call gave) of one turn."""
    submitted = daemon.submit(sid, "go")
    asked: list[str] = []
    given = ""
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event.get("turn") != submitted:
            continue
        if event["event"] == "permission.request":
            asked.append(event["reason"])
            on_question(event)
        if event["event"] == "tool.result":
            given = event["content"]
        if event["event"] in ("turn.done", "turn.error", "turn.cancelled"):
            break
    return asked, given


@pytest.mark.attack("A37")
def test_a_grant_and_an_answer_hold_for_the_scripts_that_were_shown(tmp_path: Path) -> None:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        package = daemon.workspace / "package.json"

        def write(script: str) -> None:
            package.write_text(json.dumps({"scripts": {"test": script}}))

        def answer(event: dict[str, Any], decision: str, **more: str) -> None:
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", {"decision": decision, **more})

        def exchanged(event: dict[str, Any]) -> None:
            write("touch M")
            with pytest.raises(OptaError, match="have changed since the question was shown"):
                answer(event, "always", offer="always")
            answer(event, "allow")

        write("echo fine")
        sid = daemon.session(mode="do")
        asked, given = turn(daemon, sid, exchanged)
        assert (len(asked), "changed while the user was asked" in given) == (1, True), given
        assert not (daemon.workspace / "M").exists()
        write("echo fine")
        assert len(turn(daemon, sid, lambda event: answer(event, "always", offer="always"))[0]) == 1
        assert turn(daemon, sid, lambda event: answer(event, "deny"))[0] == []
        listed = daemon.opta("policy", "list").stdout
        assert "as long as these scripts do not change: package.json: test" in listed
        write("touch M")
        asked, _ = turn(daemon, sid, lambda event: answer(event, "deny"))
        assert asked == ["the script changed since you allowed it (package.json: test)"]
        assert not (daemon.workspace / "M").exists()
