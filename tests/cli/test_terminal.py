"""`opta chat` in a real terminal: input, questions and answers."""

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.limits import limit_s
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
    # An Enter that was typed before the line can be edited sends nothing.
    terminal.wait(lambda screen: "Hello from the model." in screen and screen.rstrip().endswith("you ▸"), "the answer")
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


def test_a_second_ctrl_c_stops_work_on_a_task_at_once(daemon: Daemon, tmp_path: Path) -> None:
    terminal = opened(daemon, tmp_path, f"{shlex.quote(str(OPTA))} do slowly")
    try:
        terminal.wait(lambda screen: "tick tick tick" in screen, "the start of the answer")
        terminal.type("C-c")
        terminal.wait(lambda screen: "pausing before the next step" in screen, "that it pauses")
        # Often while the request for the pause is on its way.
        terminal.type("C-c")
        screen = terminal.wait(lambda screen: "exit=" in screen, "the end")
        assert "stopping …" in screen and "exit=130" in screen
        assert daemon.client.get("/v3/sessions", limit=1)["sessions"][0]["state"] == "idle"
    finally:
        terminal.close()


@pytest.mark.parametrize("marked", [True, False])
def test_a_pasted_text_of_200_lines_stays_one_message(daemon: Daemon, terminal: Terminal, marked: bool) -> None:
    lines = [f"line {number} of a long text: {'x' * 60}" for number in range(200)]
    terminal.paste("\n".join(lines) + "\n", marked=marked)
    terminal.type_until(lambda screen: "Hello from the model." in screen, "the answer", "Enter")
    newest = daemon.client.get("/v3/sessions", limit=1)["sessions"][0]
    (turn,) = daemon.client.get(f"/v3/sessions/{newest['id']}", atSeq=10**15)["transcript"]["turns"]
    assert turn["text"].strip().split("\n") == lines


def opened(daemon: Daemon, tmp_path: Path, command: str) -> Terminal:
    return Terminal(tmp_path / "second", daemon.environment, daemon.workspace, f"{command}; echo exit=$?; sleep 60")


def test_a_second_terminal_shows_the_history_the_stream_and_the_open_question(daemon: Daemon, tmp_path: Path) -> None:
    sid = daemon.session(mode="chat")
    daemon.follow(sid, daemon.submit(sid, "hi there"))
    asked = daemon.submit(sid, "please write it")
    terminal = opened(daemon, tmp_path, f"{shlex.quote(str(OPTA))} chat --session {sid}")
    try:
        screen = terminal.wait(lambda screen: "allow once? [y]es" in screen, "the open question")
        assert "you ▸ hi there" in screen and "Hello from the model." in screen and f"following {asked}" in screen
        request = daemon.client.get("/v3/permissions")["permissions"][0]["requestId"]
        began = time.monotonic()
        daemon.client.post(f"/v3/sessions/{sid}/permissions/{request}", {"decision": "allow", "client": "the page"})
        terminal.wait(lambda screen: "Answered in the page: allowed." in screen, "that it was answered elsewhere")
        # Of this, a picture of the screen takes up to 50 ms.
        assert time.monotonic() - began < limit_s(0.25)
        terminal.wait(lambda screen: "The tool said: " in screen and screen.rstrip().endswith("you ▸"), "the next prompt")
    finally:
        terminal.close()


def test_a_pasted_answer_in_words_waits_for_a_hand(daemon: Daemon, tmp_path: Path) -> None:
    program = "from opta_cli.ask import ask_words; print('answer', ascii(ask_words('Why? ')))"
    terminal = opened(daemon, tmp_path, f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}")
    try:
        terminal.wait(lambda screen: "Why?" in screen, "the question")
        terminal.paste("pasted\n" * 200, marked=False)
        terminal.wait(lambda screen: "That was pasted" in screen, "that it was refused")
        terminal.type_until(lambda screen: "wörds" in screen, "what was typed", "wörds")
        terminal.paste("and\npasted", marked=True)
        terminal.wait(lambda screen: screen.rstrip().endswith("and pasted"), "that the paste is on the line")
        assert "answer '" not in terminal.screen()
        terminal.type("Enter")
        screen = terminal.wait(lambda screen: "exit=0" in screen, "the end")
        assert "rdsand pasted'" in screen and "\\xf6" in screen
    finally:
        terminal.close()
