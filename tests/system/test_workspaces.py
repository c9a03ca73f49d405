"""Which folder a session works in: none becomes an empty one, a home is worked in with care, the machine never."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """What a prompt of one line asks for: `TOOL JSON`."""
    if messages[-1]["role"] == "tool":
        return [Say("done")]
    name, _, args = str(messages[-1]["content"]).partition(" ")
    return [Use(name, json.loads(args))]


def results(daemon: Daemon, sid: str, name: str, **args: Any) -> list[dict[str, Any]]:
    """The events of a turn that makes one call."""
    return daemon.follow(sid, daemon.submit(sid, f"{name} {json.dumps(args)}"))


def content(events: list[dict[str, Any]]) -> str:
    return next(event["content"] for event in reversed(events) if event["event"] == "tool.result")


def test_where_a_session_may_work(tmp_path: Path) -> None:
    person = tmp_path / "person"
    (person / "project").mkdir(parents=True)
    (person / ".ssh").mkdir()
    (person / ".ssh/id").write_text("CANARY-key")
    (person / "project/.env.local").write_text("CANARY-env")
    (person / "project/notes.txt").write_text("plain notes")
    outside = tmp_path / "models"
    outside.mkdir()
    (outside / "card.txt").write_text("a model card")
    config = f'[sandbox]\nread = ["{outside}"]\n'
    with ModelServer(reply) as model:
        daemon = Daemon(tmp_path, model_url=model.url, config=config)
        daemon.environment["HOME"] = str(person)
        with daemon:

            def create(**fields: Any) -> dict[str, Any]:
                return daemon.client.post("/v3/sessions", {"mode": "do", **fields})

            # No folder: an empty one, of this session alone.
            private = create(policy="unrestricted")
            folder = Path(private["cwd"])
            assert folder == (daemon.home / "workspaces" / private["id"]).resolve()
            assert (folder.stat().st_mode & 0o777, list(folder.iterdir())) == (0o700, [])
            assert content(results(daemon, private["id"], "run_command", command="pwd; ls -a; echo x > made")).startswith(str(folder))
            assert content(results(daemon, private["id"], "read_file", path="made")) == "1\tx"
            assert "CANARY" not in content(results(daemon, private["id"], "read_file", path=f"{person}/.ssh/id"))
            # The machine, folders that hold homes, Opta's own: never.
            for refused in ("/", str(tmp_path), str(daemon.home), f"{daemon.home}/daemon", "/tmp"):
                with pytest.raises(OptaError, match="cannot be a workspace"):
                    create(cwd=refused)
            # The whole home: said plainly, every call asks, and what programs keep there is not shown.
            home = create(cwd=str(person), level="L3", interactive=False)
            assert home["level"] == "L1"
            notes = [json.loads(line) for line in daemon.journal(home["id"])]
            assert any(note["event"] == "session.note" and "whole home folder" in note["text"] for note in notes)
            daemon.client.ask("PATCH", f"/v3/sessions/{home['id']}", {"level": "L3"})
            assert "nobody can be asked" in content(results(daemon, home["id"], "read_file", path="project/notes.txt"))
            open_home = create(cwd=str(person), policy="unrestricted")["id"]
            for name, args in (
                ("read_file", {"path": ".ssh/id"}), ("list_dir", {"path": "."}), ("list_dir", {"path": ".ssh"}), ("grep", {"pattern": "CANARY"}),
                ("grep", {"pattern": "(C|c)+A+N+A+RY"}), ("search_files", {"pattern": "id"}), ("write_file", {"path": ".bashrc", "content": "x"}),
                ("run_command", {"command": "cat .ssh/id; ls -a ~; grep -r CANARY ~ | grep -v env"}),
            ):  # fmt: skip
                said = content(results(daemon, open_home, name, **args))
                assert "CANARY-key" not in said, name
                assert ".ssh" not in said or "is hidden" in said or "No such file" in said or "protected" in said, (name, said)
            assert content(results(daemon, open_home, "run_command", command="cat project/notes.txt")) == "plain notes"
            assert not (person / ".bashrc").exists()
            # What the user's settings name is read by commands and file tools alike; the rest says how.
            project = create(cwd=str(person / "project"), level="L2")["id"]
            assert content(results(daemon, project, "read_file", path=f"{outside}/card.txt")).startswith("1\ta model card\n")
            assert "card.txt" in content(results(daemon, project, "list_dir", path=str(outside)))
            assert "sandbox.read" in content(results(daemon, project, "read_file", path="/etc/hostname"))
            unrestricted = create(cwd=str(person / "project"), policy="unrestricted")["id"]
            assert content(results(daemon, unrestricted, "run_command", command=f"cat {outside}/card.txt")) == "a model card"
            assert os.path.lexists(person / ".ssh/id")
