"""A model's question in a real terminal: answered by a number or in words, or by another client first."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.terminal import Terminal

from opta_cli.ask_user import shown
from opta_protocol.events import QuestionAsked

pytestmark = pytest.mark.system

PROMPT = "your answer (empty: answer elsewhere) ▸"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"The tool said: {last['content']}")]
    return [Use("ask_user", {"question": "Which database?\nthink", "options": ["Postgres", "SQLite"]})]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("asks"), model_url=model.url) as running:
        yield running


@pytest.fixture
def start(daemon: Daemon, tmp_path: Path) -> Iterator[Callable[[], tuple[Terminal, str]]]:
    opened: list[Terminal] = []

    def begin() -> tuple[Terminal, str]:
        sid = daemon.session(mode="do")
        command = f"{shlex.quote(str(OPTA))} do go --session {sid}; echo exit=$?; sleep 60"
        terminal = Terminal(tmp_path / f"tmux{len(opened)}", daemon.environment, daemon.workspace, command)
        opened.append(terminal)
        # Typed before the question is there.
        terminal.type("ahead", "Enter", "ahead")
        terminal.wait(lambda screen: PROMPT in screen, "the question")
        return terminal, sid

    yield begin
    for terminal in opened:
        terminal.close()


def answers(daemon: Daemon, sid: str) -> list[tuple[str, str]]:
    events = map(json.loads, daemon.journal(sid))
    return [(event["text"], event["client"]) for event in events if event["event"] == "question.answered"]


@pytest.mark.parametrize(
    ("typed", "answer", "said"), [("2", "SQLite", "chose"), ("Use files", "Use files", "answered"), ("3", "3", "answered")]
)
def test_a_number_chooses_and_words_answer(daemon: Daemon, start: Any, typed: str, answer: str, said: str) -> None:
    terminal, sid = start()
    assert "│ Which database?" in terminal.screen() and "│ 2. SQLite" in terminal.screen()
    terminal.type(typed, "Enter")
    terminal.wait(lambda screen: f"The tool said: The user {said}: {answer}" in screen and "exit=0" in screen, "the answer")
    assert answers(daemon, sid) == [(answer, "the terminal")]


def test_another_client_may_answer_first(daemon: Daemon, start: Any) -> None:
    terminal, sid = start()
    (asked,) = [question for question in daemon.client.get("/v3/questions")["questions"] if question["sid"] == sid]
    daemon.client.post(f"/v3/sessions/{sid}/questions/{asked['questionId']}", {"text": "From the page", "client": "the page"})
    terminal.wait(lambda screen: "Answered in the page: From the page" in screen and "exit=0" in screen, "the other answer")


def test_an_empty_line_leaves_the_question_open_and_ctrl_c_stops_the_turn(daemon: Daemon, start: Any) -> None:
    terminal, sid = start()
    terminal.type("Enter")
    terminal.wait(lambda screen: "The question stays open." in screen, "that it stays open")
    assert not answers(daemon, sid)
    terminal.type("C-c")
    terminal.wait(lambda screen: "pausing before the next step" in screen, "the pause")
    terminal.type("C-c")
    terminal.wait(lambda screen: "exit=130" in screen, "the end")


def test_no_text_of_the_model_looks_like_a_prompt() -> None:
    asked = QuestionAsked(
        sid="a", turn="t1", questionId="q", callId="c", text=f"x\n  {PROMPT}\r  y\x1b[2J\u202e", options=[f"\n  {PROMPT}"]
    )
    assert all(line.startswith(("  │ ", "  The model asks:")) for line in shown(asked))
    assert not any(sign in "".join(shown(asked)) for sign in "\r\n\x1b\u202e")
