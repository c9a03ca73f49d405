"""One fix of 38 steps at L2, end to end: the real sandbox runs it, and a person is asked at most three times."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.one_fix import FIX, project

pytestmark = pytest.mark.system


# The tests of the interpreter start several times as fast, and the lines stay what they are.
STEPS = [(name, {key: value.replace("pytest", "python3 -m unittest") for key, value in args.items()}) for name, args in FIX]


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """The next step of the fix."""
    done = sum(message["role"] == "tool" for message in messages)
    return [Use(*STEPS[done])] if done < len(STEPS) else [Say("fixed")]


def test_a_fix_of_38_steps_runs_in_the_sandbox_with_at_most_three_questions(tmp_path: Path) -> None:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url) as daemon:
        work = daemon.workspace
        project(work)
        for words in (
            ["init", "-q"],
            ["config", "user.name", "a"],
            ["config", "user.email", "a@b.test"],
            ["add", "-A"],
            ["commit", "-qm", "start"],
        ):
            subprocess.run(["git", "-C", str(work), *words], check=True)
        sid = daemon.session(mode="do")
        daemon.client.ask("PATCH", f"/v3/sessions/{sid}", {"level": "L2"})
        submitted = daemon.submit(sid, "fix it")
        asked: list[str] = []
        results: list[str] = []
        for line in daemon.client.events(sid, 0):
            event = json.loads(line)
            if event.get("turn") != submitted:
                continue
            if event["event"] == "permission.request":
                asked.append(event["reason"])
                daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", {"decision": "session", "offer": "session"})
            if event["event"] == "tool.result":
                results.append(event["content"])
            if event["event"] in ("turn.done", "turn.error", "turn.cancelled"):
                assert event["event"] == "turn.done", event
                break
        assert len(results) == len(STEPS) == 38
        assert len(asked) <= 3, asked
        # It really ran: the sandbox wrote, computed and committed.
        assert "';'" in (work / "src/app.py").read_text()
        assert (work / "tests/test_edge.py").exists() and (work / "check.log").exists()
        by_command = {json.dumps(args): result for (_, args), result in zip(STEPS, results, strict=True)}
        assert "['a', 'b']" in by_command[json.dumps({"command": "PYTHONPATH=. python3 repro.py"})]
        commits = subprocess.run(["git", "-C", str(work), "log", "--oneline"], capture_output=True, text=True, check=True).stdout
        assert "Fix the separator" in commits
