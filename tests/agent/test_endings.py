"""How turns end: an empty answer is an error, repeated calls are noticed, and waiting is reported."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from support.story import SID, TURN, Scripted, Story, messages

from opta_agent import runaway, waiting
from opta_agent.gate import Permit
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Thinking, Thought, Usage
from opta_agent.runaway import Runaway
from opta_agent.session import AgentSession
from opta_core.errors import OptaError
from opta_protocol import events as e

STOP = End("stop", Usage(prompt=10, completion=3))
USE = End("tool_calls", Usage(prompt=10, completion=3))
Script = list[Part | OptaError]

NOTHING: dict[str, Script] = {
    "empty": [STOP],
    "space": [TextPart(" \n"), STOP],
    "thinking only": [Thinking("hm"), STOP],
    "a call cut off": [TextPart("I write"), End("length", None, has_cut_call=True)],
    "a text cut off": [TextPart("half an ans"), End("length", None)],
    "filtered": [TextPart("I"), End("content_filter", None)],
}


@pytest.mark.parametrize("form", NOTHING)
def test_an_answer_that_is_nothing_is_asked_for_again_once(form: str) -> None:
    story = Story()
    provider = Scripted(NOTHING[form], [TextPart("the answer"), STOP])
    assert story.play(provider).finish == "stop"
    asked = messages(provider, 1)
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user"]
    assert asked[:2] == messages(provider, 0)
    # An agent that takes over sends the same.
    (nudged,) = [event for event in story.events if isinstance(event, e.StepStart) and event.nudge]
    assert asked[-1]["content"] == nudged.nudge


@pytest.mark.parametrize("form", NOTHING)
def test_nothing_twice_is_an_error_that_says_why(form: str) -> None:
    with pytest.raises(OptaError, match="twice") as error:
        Story().play(Scripted(NOTHING[form], NOTHING[form]))
    assert error.value.code == "no_answer"


def test_reasoning_that_is_recognised_in_hindsight_is_no_answer() -> None:
    story = Story()
    story.play(Scripted([TextPart("deep "), TextPart("thought"), Thought(), TextPart("answer"), STOP]))
    (step,) = story.session.transcript.turns[0].steps
    assert (step.thinking, step.text) == ("deep thought", "answer")


def test_reasoning_goes_back_to_a_server_that_sent_it_in_that_field() -> None:
    end = End("tool_calls", Usage(prompt=1), thinking_field="reasoning_content")
    for ending, sent in ((end, "hm"), (USE, None)):
        provider = Scripted([Thinking("hm"), CallPart("x", "list_dir", "{}"), ending], [TextPart("ok"), STOP])
        Story().play(provider)
        assert messages(provider, 1)[2].get("reasoning_content") == sent


def test_every_model_call_says_what_it_used() -> None:
    story = Story()
    story.play(Scripted([TextPart("hi"), End("stop", Usage(prompt=100, completion=7, cached=64, thinking=2))]))
    (done,) = [event for event in story.events if isinstance(event, e.StepDone)]
    assert (done.step, done.tokens, done.promptTokens, done.cachedTokens, done.thinkingTokens) == (1, 7, 100, 64, 2)
    assert (done.finish, done.contextUsed, done.contextLimit) == ("stop", 107, 1000)


@pytest.mark.parametrize(("read", "is_named"), [(800, True), (9_000, False), (0, False)])
def test_a_prompt_that_a_server_cuts_silently_is_named(read: int, is_named: bool) -> None:
    story = Story()
    story.session.transcript.turns[0].text = "word " * 8_000
    story.play(Scripted([TextPart("hi"), End("stop", Usage(prompt=read, completion=1))]))
    assert [event.code for event in story.events if isinstance(event, e.Warning)] == (["truncated"] if is_named else [])


class Answers(Story):
    """A story whose tools answer what a test wants; `failing` names the tools that fail."""

    def __init__(self, *results: str, failing: frozenset[str] = frozenset()):
        super().__init__()
        self.results, self.failing = list(results), failing

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Permit | None = None) -> e.ToolResult:
        content = self.results.pop(0) if self.results else "same"
        result = e.ToolResult(sid=SID, turn=TURN, callId=call.callId, ok=call.name not in self.failing, content=content)
        self.emit(result)
        return result


def use(name: str, **arguments: Any) -> Script:
    return [CallPart("x", name, json.dumps(arguments)), USE]


def loop_of(story: Story, *scripts: Script) -> tuple[e.TurnDone, Scripted]:
    provider = Scripted(*scripts, [TextPart("done"), STOP])
    return story.play(provider), provider


def test_the_same_call_is_named_then_not_run_then_stopped() -> None:
    story = Answers()
    done, provider = loop_of(story, *[use("grep", pattern="x")] * 4)
    assert done.finish == "budget"
    assert "You made this same call before" in messages(provider, 2)[-1]["content"]
    assert "not run: you made this same call" in messages(provider, 3)[-1]["content"]
    assert next(event for event in story.events if isinstance(event, e.Warning)).code == "loop"


def test_an_agent_that_takes_over_names_the_circle_too() -> None:
    story = Answers()
    provider = Scripted(*[use("grep", pattern="x")] * 2, [TextPart("done"), STOP])
    story.play(provider)
    again = Answers()
    again.events.clear()
    again.session = AgentSession(SID, "another.boot")
    for event in story.events[: [at for at, event in enumerate(story.events) if isinstance(event, e.StepStart)][2]]:
        again.emit(event)
    later = Scripted([TextPart("done"), STOP])
    again.play(later)
    assert messages(later, 0) == messages(provider, 2)


@pytest.mark.parametrize(
    "calls",
    [
        [use("command_output", id="bg1")] * 8,
        [use("run_command", command="pytest"), use("edit_file", path="a", old="b", new="c")] * 4,
        [use("read_file", path=str(number)) for number in range(12)],
    ],
    ids=["polling", "test and fix", "different"],
)
def test_work_that_repeats_itself_is_no_circle(calls: list[Script]) -> None:
    story = Answers(*[f"result {number}" for number in range(20)]) if len(calls) == 8 and calls[0] is not calls[2] else Answers()
    assert loop_of(story, *calls)[0].finish == "stop"


def test_a_call_whose_result_changes_is_no_circle() -> None:
    story = Answers(*[f"{number} of 10 done" for number in range(10)])
    assert loop_of(story, *[use("run_command", command="curl -s localhost/state")] * 8)[0].finish == "stop"


def test_a_circle_of_several_calls_is_named_and_stopped() -> None:
    story = Answers()
    done, provider = loop_of(story, *([use("read_file", path="a"), use("read_file", path="b")] * 5))
    assert done.finish == "budget"
    assert any("the same 2 calls" in str(message["content"]) for message in messages(provider, 6))


def test_edits_that_fail_again_and_again_are_named_and_stopped() -> None:
    story = Answers(*[f"Error {number}" for number in range(9)], failing=frozenset({"edit_file"}))
    done, provider = loop_of(story, *[use("edit_file", path="a", old=f"x{number}", new="y") for number in range(6)])
    assert done.finish == "budget"
    assert "Read the file again" in messages(provider, 3)[-1]["content"]


@pytest.mark.parametrize("text", ["x", "So I go on. ", "line of a log\nand one more\n"])
def test_endless_repetition_ends_with_its_reason(text: str) -> None:
    with pytest.raises(OptaError, match="over and over"):
        Story().play(Scripted([TextPart(text)] * 20_000))


def test_endless_thinking_ends_at_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runaway, "THINKING_CHARS_MAX", 20_000)
    with pytest.raises(OptaError, match="thought for more than"):
        Story().play(Scripted([Thinking(f"step {number}, then {number * 7}. ") for number in range(5_000)]))


def test_tables_code_and_lists_are_no_repetition() -> None:
    watch = Runaway()
    for number in range(3_000):
        watch.say(f"| {number} | value |\n")
    for _ in range(30):
        watch.say("    }\n" * 8 + "}\n\ndef f(x):\n    return x\n")


def test_silence_is_said_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.05)
    monkeypatch.setattr(waiting, "EVERY_S", 0.05)

    class Slow(Scripted):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
            await said.wait()
            async for parts in super().stream(request):
                yield parts

    said = asyncio.Event()

    class Heard(Story):
        def emit(self, event: e.Event) -> None:
            super().emit(event)
            if isinstance(event, e.StepWaiting):
                said.set()

    story = Heard()
    story.play(Slow([TextPart("at last"), STOP]))
    waited = next(event for event in story.events if isinstance(event, e.StepWaiting))
    assert waited.phase == "prompt"
    assert waited.seconds > 0
    assert story.session.transcript.turns[0].steps[0].waiting == 0
