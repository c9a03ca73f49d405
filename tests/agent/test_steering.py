"""Words of a person for a running turn, a pause, and limits that were asked for with a turn."""

import asyncio
from pathlib import Path
from typing import Any

from support.story import SID, TURN
from support.talk import DONE, STOP, USE, Talk, reads

from opta_agent.providers.base import CallPart, TextPart
from opta_agent.session import AgentSession
from opta_protocol import events as e
from opta_protocol.event_parts import Limits

T1 = {"sid": SID, "turn": TURN}


class Steered(Talk):
    """People act while tools run: `acts` gives the events that come with the result of each call."""

    def __init__(self, folder: Path, *acts: list[e.Event], **more: Any):
        super().__init__(folder, **more)
        self.acts = list(acts)

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Any = None) -> e.ToolResult:
        for event in self.acts.pop(0) if self.acts else []:
            self.emit(event)
        return await super().run(session, call, permit)

    def read(self) -> list[tuple[int, list[str]]]:
        """(step, words that the model read before it), of steps with any."""
        starts = [event for event in self.events if isinstance(event, e.StepStart)]
        return [(start.step, [steer.text for steer in start.steers]) for start in starts if start.steers]


def steer(id_: str, text: str, **more: Any) -> e.TurnSteer:
    return e.TurnSteer(**T1, steerId=id_, text=text, **more)


def test_words_are_in_the_next_request_of_the_turn(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [steer("a", "Only in src."), steer("b", "And be quick.")])
    first, second, third = talk.turn(reads("x"), reads("y"), DONE)
    assert [message["role"] for message in second[-3:]] == ["assistant", "tool", "user"]
    assert second[-1]["content"] == "Only in src.\n\nAnd be quick."
    assert "src" not in str(first)
    # They stay where they were read.
    assert third[: len(second)] == second
    assert talk.read() == [(2, ["Only in src.", "And be quick."])]
    (later,) = talk.turn(DONE)
    assert later[: len(second)] == second


def test_words_that_come_with_the_last_answer_are_answered_in_the_same_turn(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    said = False

    def emit(event: e.Event) -> None:
        nonlocal said
        Talk.emit(talk, event)
        if isinstance(event, e.TurnToken) and not said:
            said = True
            Talk.emit(talk, steer("a", "And the tests?"))

    talk.emit = emit  # type: ignore[method-assign]
    _, second = talk.turn([TextPart("It is done."), STOP], [TextPart("They pass."), STOP])
    assert [(message["role"], message["content"]) for message in second[-2:]] == [("assistant", "It is done."), ("user", "And the tests?")]
    assert [type(event).__name__ for event in talk.events if type(event).__name__.startswith("TurnD")] == ["TurnDone"]


def test_words_before_the_first_request_stand_with_the_prompt(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.emit(steer("a", "And shortly."))
    (only,) = talk.turn(DONE)
    assert only[-1]["role"] == "user" and only[-1]["content"].endswith("\n\nAnd shortly.")


def test_an_agent_that_takes_over_sends_what_was_read_and_what_waits(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [steer("a", "Only in src.")])
    _, before = talk.turn(reads("x"), DONE)
    # The agent died after the second step began, and a person said more.
    events = [
        event for event in talk.events if not isinstance(event, e.TurnDone | e.StepDone | e.TurnToken) or getattr(event, "step", 0) == 1
    ]
    talk.take_over([*events, steer("b", "Quickly.")], 1)
    (after,) = talk.turn(DONE, is_stored=True)
    assert after[-1]["content"] == "Only in src.\n\nQuickly."
    assert after[:-1] == before[:-1]
    assert talk.read()[-1] == (2, ["Only in src.", "Quickly."])


def test_words_of_folded_steps_stay_word_for_word(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [steer("a", "Never touch main.py.")])
    talk.turn(reads("x"), reads("y"), DONE)
    turn = talk.session.transcript.turn(TURN)
    assert turn is not None
    turn.foldedTo, turn.digest = 2, "(two steps)"
    (later,) = talk.turn(DONE)
    assert any(message["role"] == "user" and "(two steps)\n\nNever touch main.py." in message["content"] for message in later)


def test_a_paused_turn_waits_before_its_next_request_until_it_is_resumed(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [e.TurnPausing(**T1, by="client")])
    order: list[str] = []

    def emit(event: e.Event) -> None:
        Talk.emit(talk, event)
        order.append(type(event).__name__)
        if isinstance(event, e.TurnPaused):
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, emit, e.TurnSteer(**T1, steerId="a", text="Go on like this."))
            loop.call_later(0.05, emit, e.TurnResumed(**T1, by="client"))

    talk.emit = emit  # type: ignore[method-assign]
    _, second = talk.turn(reads("x"), DONE)
    paused = order.index("TurnPaused")
    assert order[paused : paused + 4] == ["TurnPaused", "TurnSteer", "TurnResumed", "StepStart"]
    assert second[-1] == {"role": "user", "content": "Go on like this."}
    ended = talk.events[-1]
    assert isinstance(ended, e.TurnDone) and ended.elapsed < 0.05


def test_a_pause_that_ends_before_the_next_step_is_none(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [e.TurnPausing(**T1, by="client"), e.TurnResumed(**T1, by="client")])
    assert len(talk.turn(reads("x"), DONE)) == 2
    assert not [event for event in talk.events if isinstance(event, e.TurnPaused)]


def test_an_agent_that_takes_over_a_paused_turn_waits_too(tmp_path: Path) -> None:
    talk = Steered(tmp_path, [e.TurnPausing(**T1, by="client")])

    def resume(event: e.Event) -> None:
        Talk.emit(talk, event)
        if isinstance(event, e.TurnPaused):
            Talk.emit(talk, e.TurnResumed(**T1, by="client"))

    talk.emit = resume  # type: ignore[method-assign]
    talk.turn(reads("x"), DONE)
    events = talk.events[: next(at for at, event in enumerate(talk.events) if isinstance(event, e.TurnPaused)) + 1]
    later = Talk(tmp_path)
    later.take_over(events, 1)
    asked: list[str] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, later.emit, e.TurnResumed(**T1, by="client"))

    def emit(event: e.Event) -> None:
        Talk.emit(later, event)
        asked.append(type(event).__name__)

    later.emit = emit  # type: ignore[method-assign]
    offered = later.offered

    async def offer(session: AgentSession, turn_id: str) -> Any:
        await story()
        return await offered(session, turn_id)

    later.offered = offer  # type: ignore[method-assign]
    assert len(later.turn(DONE, is_stored=True)) == 1
    # It is paused already: nothing says so again, and nothing begins before the pause has ended.
    assert asked[:2] == ["TurnResumed", "StepStart"]


def asked_for(**limits: Any) -> e.TurnStart:
    return e.TurnStart(sid=SID, turn="t2", role="user", text="go", mode="do", level="L2", limits=Limits(**limits))  # type: ignore[arg-type]


def test_limits_that_were_asked_for_hold_and_are_shown(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.turn(DONE)
    (first,) = [event for event in talk.events if isinstance(event, e.StepStart)]
    assert first.limits == Limits(steps=20, calls=30, minutes=90.0)
    for limits, said in (
        ({"steps": 2}, "The turn met its limit max-steps = 2. Resume it to go on."),
        ({"calls": 2}, "The turn met its limit max-calls = 2. Resume it to go on."),
        ({"tokens": 20}, "The turn met its limit max-turn-tokens = 20. Resume it to go on."),
        ({"minutes": 1e-9}, "The turn met its limit max-minutes = 1e-09. Resume it to go on."),
    ):
        again = Talk(tmp_path)
        again.turn(DONE)
        again.emit(asked_for(**limits))
        again.turn(*[[CallPart(f"c{n}", "read_file", f'{{"path":"{n}"}}'), USE] for n in range(9)], is_stored=True)
        assert again.warnings() == [said]
        shown = next(event.limits for event in reversed(again.events) if isinstance(event, e.StepStart) and event.limits)
        assert all(getattr(shown, name) == value for name, value in limits.items())
        turn = again.session.transcript.turn("t2")
        assert turn is not None and turn.limits == shown


def test_a_resumed_turn_reads_the_words_that_were_left(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.turn(DONE)
    talk.emit(e.TurnStart(sid=SID, turn="t2", role="user", text="Only in src.", mode="do", level="L2", resumes="t1"))  # type: ignore[arg-type]
    (request,) = talk.turn(DONE, is_stored=True)
    assert request[-1]["content"].startswith("Continue where you were interrupted.")
    assert "\n\nOnly in src." in request[-1]["content"]
