"""A question that a model asks the user: put once, answered from any client, read as the result of the call."""

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.limits import limit_s
from support.story import SID, TURN
from support.talk import DONE, USE, Talk

from opta_agent.providers.base import CallPart, Part
from opta_agent.session import AgentSession
from opta_agent.user_questions import LATE, NOBODY, Questions
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.permissions import Level, Mode

T1 = {"sid": SID, "turn": TURN}


def asks(question: str = "Which database?", **more: Any) -> list[Part | OptaError]:
    arguments = msgspec.json.encode({"question": question, **more}).decode()
    return [CallPart("x", "ask_user", arguments), USE]


class Asked(Talk):
    """`answers`: what a person says, once for each question; None says nothing."""

    def __init__(self, folder: Path, *answers: str | None, timeout_s: float = 30.0):
        super().__init__(folder)
        self.answers = list(answers)

        async def written(event: e.Event) -> None:
            self.emit(event)

        self.questions = Questions(self.emit, written, timeout_s)
        # How long a person takes for an answer.
        self.person_s = 0.03

    def emit(self, event: e.Event) -> None:
        super().emit(event)
        if isinstance(event, e.QuestionAsked) and self.answers and (answer := self.answers.pop(0)) is not None:
            said = e.QuestionAnswered(**T1, questionId=event.questionId, callId=event.callId, by="client", text=answer, client="the page")
            asyncio.get_running_loop().call_later(self.person_s, super().emit, said)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def test_the_answer_is_the_result_of_the_call(tmp_path: Path) -> None:
    talk = Asked(tmp_path, "Postgres", "Neither; use files.")
    talk.person_s = 0.3
    began = time.monotonic()
    options = {"options": ["Postgres", "SQLite"]}
    _, second, third = talk.turn(asks(**options), asks("And the tests?"), DONE)
    assert second[-1]["role"] == "tool" and second[-1]["content"] == "The user chose: Postgres"
    assert third[-1]["content"] == "The user answered: Neither; use files."
    asked = talk.of(e.QuestionAsked)
    assert [(event.text, event.options) for event in asked] == [("Which database?", ["Postgres", "SQLite"]), ("And the tests?", [])]
    assert all(event.expiresAt for event in asked)
    # No person is asked whether the model may ask, and the time of a person is not the turn's.
    assert not talk.of(e.PermissionRequest)
    assert time.monotonic() - began - talk.of(e.TurnDone)[0].elapsed > 2 * talk.person_s


def test_a_question_that_nobody_answers_has_an_end(tmp_path: Path) -> None:
    talk = Asked(tmp_path, None, timeout_s=0.05)
    _, second = talk.turn(asks(), DONE)
    assert second[-1]["content"] == LATE
    (answered,) = talk.of(e.QuestionAnswered)
    assert (answered.by, answered.text) == ("timeout", "")
    (result,) = talk.of(e.ToolResult)
    # The turn goes on as soon as the question has expired.
    assert result.code == "timeout" and result.durationMs < limit_s(3) * 1000


def test_where_nobody_can_be_asked_the_model_hears_so(tmp_path: Path) -> None:
    talk = Asked(tmp_path)
    talk.session.transcript.interactive = False
    _, second = talk.turn(asks(), DONE)
    assert second[-1]["content"] == NOBODY and not talk.of(e.QuestionAsked)


def test_an_agent_that_takes_over_waits_for_the_same_question(tmp_path: Path) -> None:
    talk = Asked(tmp_path, "Postgres")
    talk.turn(asks(options=["Postgres"]), DONE)
    events = talk.events[: next(at for at, event in enumerate(talk.events) if isinstance(event, e.QuestionAsked)) + 1]
    (asked,) = [event for event in events if isinstance(event, e.QuestionAsked)]
    later = Asked(tmp_path)
    later.take_over(events, 1)
    offered = later.offered

    async def offer(session: AgentSession, turn_id: str) -> Any:
        said = e.QuestionAnswered(**T1, questionId=asked.questionId, callId=asked.callId, by="client", text="Postgres")
        asyncio.get_running_loop().call_later(0.05, later.emit, said)
        return await offered(session, turn_id)

    later.offered = offer  # type: ignore[method-assign]
    (request,) = later.turn(DONE, is_stored=True)
    assert request[-1]["content"] == "The user chose: Postgres"
    assert len(later.of(e.QuestionAsked)) == 1


@pytest.mark.parametrize(
    "arguments", [{"options": ["a"] * 5}, {"question": ""}, {"question": "x" * 2001}, {"options": [""]}, {"options": "a"}, {"why": "x"}]
)
def test_a_question_of_a_wrong_form_asks_nobody(tmp_path: Path, arguments: dict[str, Any]) -> None:
    talk = Asked(tmp_path)
    talk.turn(asks(**arguments), DONE)
    results = talk.of(e.ToolResult)
    # What can be read in one way is corrected: a field that does not exist, one option that is no list.
    if not talk.of(e.QuestionAsked):
        assert results[0].code in ("bad_arguments", "bad_call") and "ask_user" in results[0].content


def test_a_turn_that_is_stopped_leaves_no_open_question(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.emit(e.StepStart(**T1, step=1, provider="p", model="m", attempt=1))
    talk.emit(e.ToolCall(**T1, callId="c1", name="ask_user", args={"question": "x"}, risk="read", step=1))  # type: ignore[arg-type]
    talk.emit(e.QuestionAsked(**T1, questionId="q1", callId="c1", text="x"))
    talk.emit(e.SessionCancelled(**T1, reason="Stopped by the user.", by="client"))
    turn = talk.session.transcript.turn(TURN)
    assert turn is not None and turn.endedAt and turn.steps[0].calls[0].asked is not None
    assert (Mode.do, Level.L2) == (turn.mode, turn.level)
