"""A turn that meets a limit says so, does not count as finished, and goes on when it is resumed."""

from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Five reads of different folders, then an answer."""
    done = sum(message["role"] == "tool" for message in messages)
    return [Use("list_dir", {"path": "." if not done else f"part{done}"})] if done < 5 else [Say("All five are read.")]


def test_a_turn_that_meets_its_steps_is_resumed_to_its_end(tmp_path: Path) -> None:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url, config="max-steps = 3\n") as daemon:
        for number in range(5):
            (daemon.workspace / f"part{number}").mkdir()
        limited = daemon.opta("do", "read five folders")
        assert limited.returncode == 5
        assert "The turn met its limit max-steps = 3." in limited.stderr
        session = daemon.client.get("/v3/sessions")["sessions"][0]
        assert f"opta sessions resume s-{session['id']}" in limited.stderr
        assert session["resumable"] == "t1"
        resumed = daemon.opta("sessions", "resume", f"s-{session['id']}")
        assert (resumed.returncode, "All five are read." in resumed.stdout) == (0, True), resumed.stderr
        assert not daemon.client.get(f"/v3/sessions/{session['id']}").get("resumable")
        # No folder was read twice: the resumed turn knows what the limited one did.
        assert len(model.requests) == 6
