"""In a real terminal: sub-agents with their questions, a plan that is changed and accepted, and the to-do list."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.terminal import Terminal

from opta_cli.plan_lines import changed

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    at = max(at for at, message in enumerate(messages) if message["role"] == "user")
    prompt, results = messages[at]["content"], [message["content"] for message in messages[at:] if message["role"] == "tool"]
    if prompt == "delegate":
        if not results:
            return [Use("todo", {"items": [{"text": "Delegate", "state": "doing"}, {"text": "Report", "state": "open"}]})]
        return (
            [Say("Both reported.")]
            if len(results) > 1
            else [Use("agent", {"title": name, "task": f"write {name}"}) for name in ("one", "two")]
        )
    if prompt.startswith("write"):
        return [Say("written")] if results else [Use("write_file", {"path": f"{prompt.split()[1]}.txt", "content": "x"})]
    if "accepted this plan" in prompt:
        return [Say("Done as planned.")]
    return [Say(f"The plan for: {prompt}")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("delegating"), model_url=model.url) as running:
        yield running


def opened(daemon: Daemon, folder: Path, *words: str) -> Terminal:
    command = f"{shlex.join([str(OPTA), *words])}; echo exit=$?; sleep 60"
    return Terminal(folder / "tmux", daemon.environment, daemon.workspace, command)


def is_done(terminal: Terminal) -> bool:
    """Answer what the terminal asks: the first plan is changed, the changed one accepted. Whether the work is done."""
    screen = terminal.screen().rstrip()
    last = screen.splitlines()[-1] if screen else ""
    # Not behind an answer that is still read.
    if last.endswith("[l]eave it:"):
        terminal.type("a" if "The plan for: use files" in screen else "c", "Enter")
    elif last.endswith("what to change ▸"):
        terminal.type("use files", "Enter")
    # A question takes nothing before it has settled.
    until(lambda: terminal.screen().rstrip() != screen, 3)
    return "Done as planned." in screen and "exit=0" in screen


def test_questions_of_sub_agents_are_answered_where_their_session_was_started(daemon: Daemon, tmp_path: Path) -> None:
    terminal = opened(daemon, tmp_path, "do", "delegate")
    try:
        terminal.wait(lambda screen: "Plan: 0 of 2 done" in screen and "● Delegate" in screen, "the to-do list")
        for number in range(1, 3):
            terminal.wait(lambda screen, number=number: screen.count("allow once?") >= number, f"question {number}")
            terminal.type_until(
                lambda screen, number=number: (
                    screen.count("allow once?") > number or "Both" in screen or (daemon.workspace / "two.txt").exists()
                ),
                "the answer",
                "y",
                "Enter",
            )
        screen = terminal.wait(lambda screen: "exit=0" in screen, "the end")
        assert "Sub-agent “one” (s-" in screen and "Sub-agent “two” (s-" in screen
        assert {file.name for file in daemon.workspace.glob("*.txt")} == {"one.txt", "two.txt"}
    finally:
        terminal.close()


def test_a_plan_is_changed_and_then_accepted(daemon: Daemon, tmp_path: Path) -> None:
    terminal = opened(daemon, tmp_path, "do", "--plan", "build it")
    try:
        assert until(lambda: is_done(terminal), 60), terminal.screen()
    finally:
        terminal.close()
    sid = daemon.client.get("/v3/sessions")["sessions"][0]["id"]
    assert until(lambda: len(daemon.journal(sid)) > 5)
    starts = [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == "turn.start"]
    *plans, done = starts
    # On a busy machine a key may have been typed twice.
    assert {start["mode"] for start in plans} == {"plan"} and len(plans) > 1
    assert (done["mode"], done["fromPlan"]) == ("do", plans[-1]["turn"]) and "The plan for: use files" in done["text"]


def test_a_todo_list_is_printed_whole_and_then_by_its_changes() -> None:
    one = [{"text": "a", "state": "doing"}, {"text": "b", "state": "open"}]
    two = [{"text": "a", "state": "done"}, {"text": "b", "state": "open"}]
    assert changed([], one) == ["Plan: 0 of 2 done", "  ● a", "  ○ b"]
    assert changed(one, two) == ["Plan: 1 of 2 done", "  ✓ a"]
    assert changed(two, two) == changed([], []) == []
    assert changed(two, [{"text": "c", "state": "open"}]) == ["Plan: 0 of 1 done", "  ○ c"]
