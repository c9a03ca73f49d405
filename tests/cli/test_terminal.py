"""`opta chat` in a real terminal: input, questions and answers."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.terminal import Terminal

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"The tool said: {last['content'].splitlines()[0]}")]
    if "write" in last["content"]:
        return [Use("write_file", {"path": "typed.txt", "content": "x\n"})]
    if "slowly" in last["content"]:
        return [Say("tick " * 600, rate=60, size=5)]
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("terminal"), model_url=model.url) as running:
        yield running


@pytest.fixture
def terminal(daemon: Daemon, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, f"{shlex.quote(str(OPTA))} chat; echo exit=$?; sleep 60")
    opened.wait(lambda screen: "you ▸" in screen, "the prompt")
    yield opened
    opened.close()


def test_a_conversation_with_a_question(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("hi there", "Enter")
    terminal.wait(lambda screen: "Hello from the model." in screen, "the answer")
    terminal.type("please write it", "Enter")
    terminal.wait(lambda screen: "allow once? [y]es" in screen, "the question")
    assert not (daemon.workspace / "typed.txt").exists()
    terminal.type("what", "Enter")
    terminal.type_until(lambda screen: "The tool said: Created typed.txt (1 lines)" in screen, "the result", "y", "Enter")
    assert (daemon.workspace / "typed.txt").read_text() == "x\n"
    terminal.type("C-d")
    terminal.wait(lambda screen: "exit=0" in screen, "the end")


def test_ctrl_c_stops_the_answer_and_the_conversation_goes_on(terminal: Terminal) -> None:
    terminal.type("slowly", "Enter")
    terminal.wait(lambda screen: "tick tick tick" in screen, "the start of the answer")
    terminal.type("C-c")
    terminal.wait(lambda screen: "Stopped by the user." in screen, "that it stopped")
    terminal.type("hi", "Enter")
    terminal.wait(lambda screen: "Hello from the model." in screen, "the next answer")
