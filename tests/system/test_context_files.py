"""Context files in the real processes: what reaches the model, what trust changes, and that a killed agent sends the same bytes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import ModelServer, Say, Use
from support.pictures import png


def reply(messages: list[dict[str, Any]]) -> list[Any]:
    """Reads a file of the folder below when asked to look, else answers."""
    if messages[-1]["role"] == "user" and str(messages[-1]["content"]).startswith("look"):
        return [Use("read_file", {"path": "below/x.txt"})]
    return [Say("done")]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(reply) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("context"), model_url=model.url) as running:
        yield running


def turn(daemon: Daemon, sid: str, text: str, **fields: Any) -> list[dict[str, Any]]:
    return daemon.follow(sid, daemon.submit(sid, text, **fields))


def test_what_a_folder_says_reaches_the_model_as_what_the_user_trusts(daemon: Daemon, model: ModelServer) -> None:
    below = daemon.workspace / "below"
    below.mkdir()
    (daemon.workspace / "AGENTS.md").write_text("Run nox.\n")
    (below / "CLAUDE.md").write_text("Use spaces.\n")
    (below / "x.txt").write_text("x\n")
    sid = daemon.session(mode="do")
    turn(daemon, sid, "hello")
    assert '<untrusted-file file="AGENTS.md">' in model.requests[-1].body["messages"][-1]["content"]
    seen = daemon.client.get("/v3/trust", cwd=str(daemon.workspace))
    daemon.client.post("/v3/trust", {"cwd": str(daemon.workspace), "sha256": seen["sha256"]})
    events = turn(daemon, sid, "look")
    added = [(event["source"], event.get("step", 0)) for event in events if event["event"] == "context.injected" and event.get("edition")]
    assert added[-2:] == [("AGENTS.md", 0), ("below/CLAUDE.md", 1)]
    assert "<project-instructions" in model.requests[-2].body["messages"][-1]["content"]
    last = model.requests[-1].body["messages"]
    assert "Use spaces." in last[-1]["content"]
    context = daemon.client.get(f"/v3/sessions/{sid}/context")
    assert [added["source"] for part in context["parts"] for added in part["added"] if added["source"] != "environment"] == [
        "AGENTS.md",
        "AGENTS.md",
        "below/CLAUDE.md",
    ]
    daemon.kill("agent")
    turn(daemon, sid, "again")
    assert model.requests[-1].body["messages"][: len(last)] == last


def test_what_a_message_names_goes_with_it_from_every_client(daemon: Daemon, model: ModelServer) -> None:
    (daemon.workspace / "notes.txt").write_text("one\ntwo\nthree\n")
    (daemon.workspace / ".env").write_text("KEY=hunter2\n")
    done = daemon.opta("do", "Sum up @notes.txt:2-3 and @.env", "--json")
    assert done.returncode == 0, done.stderr
    sent = model.requests[-1].body["messages"][-1]["content"]
    assert '<attached file="notes.txt:2-3">' in sent and "three" in sent and "one\n" not in sent
    assert "hunter2" not in sent and "may hold credentials" in done.stdout
    sid = daemon.session()
    turn(daemon, sid, "And @notes.txt:1?")
    assert '<attached file="notes.txt:1">' in model.requests[-1].body["messages"][-1]["content"]


def test_an_image_of_the_command_line_reaches_the_model_and_outlives_the_daemon(daemon: Daemon, model: ModelServer) -> None:
    shot = daemon.workspace / "shot.png"
    shot.write_bytes(png())
    done = daemon.opta("do", "What is in it?", "--image", str(shot), "--json")
    assert done.returncode == 0, done.stderr
    sent = model.requests[-1].body["messages"][-1]["content"]
    assert [part["type"] for part in sent] == ["text", "image_url"] and "shot.png, 3 x 2 pixels" in sent[0]["text"]
    sid = json.loads(done.stdout.splitlines()[0])["sid"]
    for service in ("agent", "gateway", "sessions"):
        daemon.kill(service)
    turn(daemon, sid, "And now?")
    assert model.requests[-1].body["messages"][1]["content"] == sent
    refused = daemon.opta("do", "What is in it?", "--image", str(daemon.workspace / "none.png"))
    assert (refused.returncode, "cannot be attached" in refused.stderr) == (2, True)
    (daemon.workspace / "a.pdf").write_bytes(b"%PDF-1.7")
    refused = daemon.opta("chat", "--once", "What is in it?", "--attach", str(daemon.workspace / "a.pdf"))
    assert refused.returncode == 1 and "PDF" in refused.stderr


def test_a_custom_command_works_from_the_command_line(daemon: Daemon, model: ModelServer) -> None:
    (daemon.home / "commands").mkdir()
    (daemon.home / "commands/sum.md").write_text("---\ndescription: Sum up\n---\nSum up @$1 in one line.")
    (daemon.workspace / "plan.txt").write_text("the plan\n")
    done = daemon.opta("do", "/sum", "plan.txt")
    assert done.returncode == 0, done.stderr
    sent = model.requests[-1].body["messages"][-1]["content"]
    assert sent.startswith("Sum up @plan.txt in one line.") and "the plan" in sent
    unknown = daemon.opta("do", "/smu", "plan.txt")
    assert unknown.returncode == 2 and "Did you mean /sum?" in unknown.stderr
