"""`opta` in a real terminal (tmux), against a real daemon: what a person does in the full screen."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Think, Use
from support.oracles import until
from support.terminal import Terminal

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"The tool said: {last['content'].splitlines()[0]}")]
    if "write" in last["content"]:
        return [Think("I should write it."), Use("write_file", {"path": "typed.txt", "content": "first line\nsecond line\n"})]
    if "which" in last["content"]:
        return [Use("ask_user", {"question": "Which colour?", "options": ["red", "green"]})]
    if "slowly" in last["content"]:
        return [Say("tick " * 600, rate=60, size=5)]
    return [Say("Hello from the **model**.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("full"), model_url=model.url) as running:
        yield running


def opened(daemon: Daemon, tmp_path: Path, words: str = "") -> Terminal:
    command = f"{shlex.quote(str(OPTA))} {words}".strip()
    return Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, f"{command}; echo exit=$?; sleep 60")


@pytest.fixture
def terminal(daemon: Daemon, tmp_path: Path) -> Iterator[Terminal]:
    screen = opened(daemon, tmp_path)
    screen.wait(lambda shown: "Message" in shown and "Connected" in shown, "the main screen")
    yield screen
    screen.close()


def newest(daemon: Daemon) -> dict[str, Any]:
    return daemon.client.get("/v3/sessions", limit=1)["sessions"][0]


def test_a_prompt_a_permission_and_the_end(daemon: Daemon, terminal: Terminal) -> None:
    assert "new session" in terminal.screen() and "L1 Ask" in terminal.screen()
    terminal.type("hi there", "Enter")
    terminal.wait(lambda shown: "Hello from the model." in shown and "tok/s" in shown, "the answer with its figures")
    assert f"s-{newest(daemon)['id']}" in terminal.screen()
    terminal.type("please write it", "Enter")
    terminal.wait(lambda shown: "allow once" in shown and "typed.txt" in shown and "+second line" in shown, "the question")
    assert not (daemon.workspace / "typed.txt").exists()
    terminal.type_until(lambda shown: "The tool said: Created typed.txt" in shown, "the result", "End", "y")
    assert (daemon.workspace / "typed.txt").read_text() == "first line\nsecond line\n"
    terminal.type("C-d")
    terminal.wait(lambda shown: "exit=0" in shown, "the end")


def test_keys_that_come_before_a_question_or_in_a_burst_never_answer_it(daemon: Daemon, terminal: Terminal) -> None:
    (daemon.workspace / "typed.txt").unlink(missing_ok=True)
    terminal.type("write it now", "Enter")
    terminal.wait(lambda shown: "allow once" in shown, "the question")
    # Held down, then pasted; test_terminal_pilot has the keys within the dead time, which a slow machine would miss here.
    terminal.type_until(lambda shown: "held down" in shown, "that it was refused", "y", "y", "y")
    terminal.paste("y\n" * 20, marked=True)
    terminal.wait(lambda shown: "no answer" in shown, "that a paste is refused")
    assert newest(daemon)["state"] == "waiting" and not (daemon.workspace / "typed.txt").exists()
    terminal.type_until(lambda shown: "denied" in shown and "allow once" not in shown, "that it was denied", "n")


def test_an_answer_given_elsewhere_closes_the_question_within_200_ms(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("write it here", "Enter")
    terminal.wait(lambda shown: "allow once" in shown, "the question")
    request = daemon.client.get("/v3/permissions")["permissions"][0]
    began = time.monotonic()
    path = f"/v3/sessions/{request['sid']}/permissions/{request['requestId']}"
    daemon.client.post(path, {"decision": "deny", "client": "the page"})
    terminal.wait(lambda shown: "Answered in the page: denied." in shown and "allow once" not in shown, "that it closed")
    # Of this, a picture of the screen takes up to 50 ms.
    assert time.monotonic() - began < limit_s(0.25)


def test_a_question_of_the_model_is_answered_by_an_option(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("which one?", "Enter")
    terminal.wait(lambda shown: "Which colour?" in shown and "2  green" in shown, "the question")
    terminal.type_until(
        lambda shown: "2" in shown.rpartition("Which colour?")[2].partition("Enter answers")[0].rpartition("green")[2], "2", "2"
    )
    terminal.type_until(lambda shown: "The tool said:" in shown, "that it was answered", "Enter")
    assert "green" in daemon.client.get(f"/v3/sessions/{newest(daemon)['id']}/tools")["tools"][0]["content"]


def test_ctrl_c_stops_the_answer_and_a_second_message_steers(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("slowly", "Enter")
    terminal.wait(lambda shown: "tick tick tick" in shown and "Ctrl+C stops" in shown, "the start of the answer")
    terminal.type("more words", "Enter")
    terminal.wait(lambda shown: "1 to be read" in shown, "that the words wait")
    terminal.type("C-c")
    terminal.wait(lambda shown: "Stopped" in shown and "Ctrl+C stops" not in shown, "that it stopped")
    assert until(lambda: newest(daemon)["state"] != "running", 10)


@pytest.mark.parametrize("marked", [True, False])
def test_a_pasted_text_of_200_lines_stays_one_message(daemon: Daemon, terminal: Terminal, marked: bool) -> None:
    lines = [f"line {number} of a long text: {'x' * 40}" for number in range(200)]
    terminal.paste("\n".join(lines) + "\n", marked=marked)
    terminal.type_until(lambda shown: "Hello from the model." in shown, "the answer", "Enter")
    (turn,) = daemon.client.get(f"/v3/sessions/{newest(daemon)['id']}", atSeq=10**15)["transcript"]["turns"]
    assert turn["text"].strip().split("\n") == lines


def test_the_palette_and_the_model_picker(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("Tab")
    terminal.wait(lambda shown: "Model of this session" in shown and "scripted · healthy" in shown, "the models")
    terminal.type("scrip")
    terminal.type("Enter")
    terminal.wait(lambda shown: "answers in this session" in shown, "that it is used")
    terminal.type("C-p")
    terminal.wait(lambda shown: "What to do" in shown, "the palette")
    terminal.type("daemon")
    terminal.wait(lambda shown: "Show the daemon" in shown, "the action")
    terminal.type("Enter")
    terminal.wait(lambda shown: "gateway" in shown and "running" in shown and "r restart" in shown, "the services")
    terminal.type("Escape")
    terminal.wait(lambda shown: "r restart" not in shown, "the main screen")
    terminal.type("/hel")
    terminal.wait(lambda shown: "/help" in shown, "the completion")
    terminal.type("Enter")
    terminal.wait(lambda shown: "Ctrl+J, Alt+Enter" in shown, "the help")


def test_a_killed_gateway_leaves_the_same_session(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("slowly now", "Enter")
    terminal.wait(lambda shown: "tick tick tick" in shown, "the start of the answer")
    daemon.kill("gateway")
    terminal.wait(lambda shown: "Reconnecting" in shown, "that it reconnects")
    terminal.wait(lambda shown: "Connected" in shown, "that it is connected")
    sid = newest(daemon)["id"]
    assert until(lambda: b"turn.done" in daemon.journal(sid)[-1], 30)
    answer = daemon.client.get(f"/v3/sessions/{sid}", atSeq=10**15)["transcript"]["turns"][0]["steps"][0]["text"]
    terminal.wait(lambda shown: "2400 tokens" in shown.replace(",", "") or "tok/s" in shown, "the figures")
    assert terminal.screen().count("tick") > 100 and answer.count("tick") == 600


def test_without_a_terminal_opta_prints_its_help(daemon: Daemon) -> None:
    done = daemon.opta()
    assert (done.returncode == 0 and "Commands" in done.stdout) or "chat" in done.stdout
    refused = daemon.opta("tui")
    assert refused.returncode == 2 and "needs a terminal" in refused.stderr
