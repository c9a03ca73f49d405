"""Skills in the real processes: the list reaches the model, a skill is read and its script runs with the ordinary tools, and no more is shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use

pytestmark = pytest.mark.system

SKILL = "---\nname: greet\ndescription: Greet somebody properly.\n---\nRun scripts/greet.sh with the name.\n"


class Script:
    """What the model does, one action a step."""

    def __init__(self) -> None:
        self.actions: list[Action] = []

    def __call__(self, messages: list[dict[str, Any]]) -> list[Action]:
        return [self.actions.pop(0)] if self.actions else [Say("done")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def model(script: Script) -> Iterator[ModelServer]:
    with ModelServer(script) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("skills"), model_url=model.url)
    with made:
        add(made.home / "skills/greet")
        yield made


def add(folder: Path, text: str = SKILL) -> None:
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(text)
    (folder / "scripts/greet.sh").write_text("echo Good day, $1.\n")


def play(daemon: Daemon, script: Script, *actions: Action, text: str = "go", sid: str = "") -> tuple[str, list[dict[str, Any]]]:
    """A turn in which a person allows whatever is asked; its session and its events."""
    script.actions = list(actions)
    if not sid:
        sid = daemon.session(mode="do")
        daemon.client.ask("PATCH", f"/v3/sessions/{sid}", {"level": "L2"})
    after = int(daemon.client.get(f"/v3/sessions/{sid}")["lastSeq"])
    turn = daemon.submit(sid, text)
    events: list[dict[str, Any]] = []
    for line in daemon.client.events(sid, after):
        events.append(json.loads(line))
        if events[-1]["event"] == "permission.request":
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{events[-1]['requestId']}", {"decision": "allow"})
        if events[-1].get("turn") == turn and events[-1]["event"] in ("turn.done", "turn.error"):
            break
    return sid, events


def results(events: list[dict[str, Any]]) -> list[str]:
    return [event["content"] for event in events if event["event"] == "tool.result"]


def trust(daemon: Daemon) -> None:
    seen = daemon.client.get("/v3/trust", cwd=str(daemon.workspace))
    daemon.client.post("/v3/trust", {"cwd": str(daemon.workspace), "sha256": seen["sha256"]})


def test_a_skill_is_listed_read_without_a_question_and_its_script_runs_as_a_command(
    daemon: Daemon, script: Script, model: ModelServer
) -> None:
    folder = daemon.home / "skills/greet"
    sid, events = play(
        daemon,
        script,
        Use("read_file", {"path": f"{folder}/SKILL.md"}),
        Use("list_dir", {"path": str(folder)}),
        Use("grep", {"pattern": "Good day", "path": str(folder)}),
        Use("run_command", {"command": f"sh {folder}/scripts/greet.sh Ada"}),
        text="greet Ada",
    )
    first = model.requests[-5].body["messages"]
    assert f"- greet ({folder}/SKILL.md): Greet somebody properly." in first[-1]["content"]
    # The tools and the prompt before the list are those of every session.
    assert [request.body["tools"] for request in model.requests[-5:]] == [model.requests[-1].body["tools"]] * 5
    read, listed, found, ran = results(events)
    assert "Run scripts/greet.sh" in read and "scripts" in listed and "greet.sh" in found and ran == "Good day, Ada."
    asked = [event["name"] for event in events if event["event"] == "permission.request"]
    assert set(asked) <= {"run_command"}
    (injected,) = [event for event in events if event["event"] == "context.injected" and event["source"] == "skills"]
    assert injected["edition"] and injected["tokens"] > 0
    # Another agent knows that the prompt holds the list.
    daemon.kill("agent")
    play(daemon, script, sid=sid, text="again")
    assert model.requests[-1].body["messages"][: len(first)] == first
    assert str(model.requests[-1].body["messages"]).count("<skills>") == 1


def test_nothing_else_of_the_home_is_shown_and_no_tool_changes_a_skill(daemon: Daemon, script: Script) -> None:
    folder, token = daemon.home / "skills/greet", daemon.home / "daemon/token"
    (folder / "out").symlink_to(token)
    (folder / ".env").write_text("KEY=hunter2\n")
    _, events = play(
        daemon,
        script,
        Use("read_file", {"path": str(token)}),
        Use("read_file", {"path": f"{folder}/out"}),
        Use("read_file", {"path": f"{folder}/../../daemon/token"}),
        Use("list_dir", {"path": str(daemon.home)}),
        Use("run_command", {"command": f"cat {token} {folder}/out; ls {daemon.home} {daemon.home}/daemon; cat {folder}/.env"}),
        Use("run_command", {"command": f"echo x > {folder}/SKILL.md; echo x > {folder}/new; mkdir {daemon.home}/skills/evil"}),
        Use("write_file", {"path": f"{folder}/SKILL.md", "content": "evil"}),
    )
    said = results(events)
    # The commands ran, with a person's word: the sandbox kept them.
    assert len([event for event in events if event["event"] == "tool.start" and event["sandbox"] == "full"]) == 2
    assert len(said) == 7 and not [text for text in said if daemon.token in text or "hunter2" in text]
    assert (folder / "SKILL.md").read_text() == SKILL and not (folder / "new").exists() and not (daemon.home / "skills/evil").exists()
    (folder / "out").unlink()
    (folder / ".env").unlink()


def test_those_of_a_project_count_once_it_is_trusted_and_bad_ones_are_named(daemon: Daemon, script: Script, model: ModelServer) -> None:
    cwd = str(daemon.workspace)
    add(daemon.workspace / ".claude/skills/deploy", SKILL.replace("greet", "deploy"))
    add(daemon.workspace / ".agents/skills/broken", "no head")
    add(daemon.workspace / ".agents/skills/greet")
    play(daemon, script)
    assert "deploy" not in str(model.requests[-1].body["messages"])
    untrusted = daemon.client.get("/v3/skills", cwd=cwd)
    assert [skill["name"] for skill in untrusted["skills"]] == ["greet"] and "not trusted" in untrusted["problems"][0]
    trust(daemon)
    _, events = play(daemon, script, Use("read_file", {"path": ".claude/skills/deploy/SKILL.md"}))
    assert "- deploy (.claude/skills/deploy/SKILL.md)" in str(model.requests[-1].body["messages"])
    assert "Run scripts" in results(events)[0]
    (warning,) = [event["message"] for event in events if event["event"] == "warning"]
    assert "has no head" in warning and "and 1 more" in warning
    listed = daemon.opta("skills", "list", "--cwd", cwd)
    assert listed.returncode == 0 and "deploy" in listed.stdout and ".agents/skills/broken: it has no head" in listed.stderr
    assert ".agents/skills/greet/SKILL.md: there is a skill greet already" in listed.stderr
    as_json = json.loads(daemon.opta("skills", "list", "--json", "--cwd", cwd).stdout)
    assert [skill["name"] for skill in as_json["skills"]] == ["greet", "deploy"]
    shown = daemon.opta("do", "hello")
    assert shown.returncode == 0 and "2 skills are listed for the model" in shown.stderr
