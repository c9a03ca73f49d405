"""Compaction: what a summary replaces, when compaction starts by itself, and that it neither repeats without end nor grows."""

import asyncio
from typing import Any

import msgspec
import pytest
from support.story import SID, Scripted, Story

from opta_agent.loop import run_turn
from opta_agent.prompt import SUMMARISE
from opta_agent.providers.base import End, TextPart, Usage
from opta_agent.router import Route
from opta_agent.session import AgentSession
from opta_agent.toolset import Offered
from opta_agent.turn_run import Collaborators, TurnLimits
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.commands import OfferedTool, ToolList
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

STOP = End("stop", Usage(prompt=10, completion=3))


class Talk(Story):
    """A session that had some turns before the one that is played."""

    def __init__(self, turns: int, *, words: str = "words " * 40):
        super().__init__()
        self.events.clear()
        self.session = AgentSession(SID, "test.boot")
        self.emit(e.SessionStart(sid=SID, title="", cwd="/w", mode=Mode.do, level=Level.L2))
        for number in range(1, turns + 1):
            self.ask(f"q{number}", f"Question {number} {words}")
            self.emit(e.StepStart(sid=SID, turn=f"q{number}", step=1, provider="p", model="m", attempt=1))
            self.emit(e.TurnToken(sid=SID, turn=f"q{number}", delta=f"Answer {number} {words}"))
            self.emit(e.TurnDone(sid=SID, turn=f"q{number}", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
        self.session.speaks_after(len(self.events))

    def ask(self, turn: str, text: str, *, compact: bool = False) -> None:
        self.emit(e.TurnStart(sid=SID, turn=turn, role="user", text=text, mode=Mode.do, level=Level.L2, compact=compact))

    def go(self, turn: str, provider: Scripted, limit: int = 0) -> e.TurnDone:
        async def route(wanted: str) -> Route:
            return Route(provider, "model", limit)

        async def backpressure() -> None:
            return

        return asyncio.run(run_turn(self.session, turn, Collaborators(route, self, self, self.emit, backpressure, TurnLimits(20, 30))))

    @property
    def compactions(self) -> list[e.ContextCompacted]:
        return [event for event in self.events if isinstance(event, e.ContextCompacted)]


def asked(provider: Scripted, number: int) -> list[dict[str, Any]]:
    return msgspec.json.decode(provider.requests[number].messages)


def contents(messages: list[dict[str, Any]]) -> str:
    return "\n".join(str(message["content"]) for message in messages)


def test_a_wish_to_compact_replaces_all_but_the_last_turns() -> None:
    talk = Talk(5)
    talk.ask("c", "", compact=True)
    provider = Scripted([TextPart("They spoke of five things."), STOP], [TextPart("ok"), STOP])
    assert talk.go("c", provider).finish == "stop"
    (compacted,) = talk.compactions
    summary, _, facts = compacted.summary.partition("\n\n")
    assert (summary, compacted.after < compacted.before) == ("They spoke of five things.", True)
    assert facts.startswith("The user's messages, oldest first:\n- Question 1 words") and "- Question 3 words" in facts
    assert "Question 3" in contents(asked(provider, 0))
    assert "Question 4" not in contents(asked(provider, 0))
    assert asked(provider, 0)[-1] == {"role": "user", "content": SUMMARISE}
    talk.ask("n", "And now?")
    talk.go("n", provider)
    # The question stood behind what the model has read before, with the same tools: its server read only the question.
    assert provider.requests[0].tools == provider.requests[1].tools == Offered().encoded()
    said = asked(provider, 1)
    assert [message["role"] for message in said] == ["system", "user", "assistant", *["user", "assistant"] * 2, "user"]
    assert "They spoke of five things." in said[1]["content"]
    assert "Question 3" in said[1]["content"]
    assert "Answer 3" not in contents(said)
    assert "Question 4" in contents(said)
    assert said[-1]["content"].startswith("And now?\n\n<environment>")


def test_a_fresh_agent_builds_the_same_prompt_from_the_journal() -> None:
    talk = Talk(5)
    talk.ask("c", "", compact=True)
    first = Scripted([TextPart("Sum."), STOP], [TextPart("ok"), STOP])
    talk.go("c", first)
    other = Talk(0)
    other.session.speaks_after(-1)
    for event in talk.events[1:]:
        other.emit(event)
    other.session.speaks_after(len(other.events))
    talk.ask("n", "Go on")
    talk.go("n", first)
    other.ask("n", "Go on")
    second = Scripted([TextPart("ok"), STOP])
    other.go("n", second)
    assert asked(second, 0)[1:] == asked(first, 1)[1:]


def test_a_second_compaction_summarises_the_first_summary_too() -> None:
    talk = Talk(4)
    provider = Scripted([TextPart("First summary."), STOP], [TextPart("Second summary."), STOP], [TextPart("ok"), STOP])
    talk.ask("c1", "", compact=True)
    talk.go("c1", provider)
    for number in (7, 8, 9):
        talk.ask(f"q{number}", f"Question {number} " + "more " * 60)
        talk.emit(e.TurnError(sid=SID, turn=f"q{number}", code="broken", message="x", domain="tool"))
    talk.ask("c2", "", compact=True)
    talk.go("c2", provider)
    assert "First summary." in contents(asked(provider, 1))
    talk.ask("n", "Go on")
    talk.go("n", provider)
    assert "First summary." not in contents(asked(provider, 2))
    assert "Second summary." in contents(asked(provider, 2))


def test_a_full_context_compacts_once_before_the_turn() -> None:
    talk = Talk(30)
    talk.ask("n", "Go on")
    provider = Scripted([TextPart("Much was said."), STOP], [TextPart("ok"), STOP])
    done = talk.go("n", provider, limit=4000)
    assert done.finish == "stop"
    (compacted,) = talk.compactions
    assert compacted.summary.startswith("Much was said.\n\nThe user's messages")
    assert len(provider.requests[1].messages) < 4000 * 4


def test_a_context_with_free_space_is_left_alone() -> None:
    talk = Talk(3)
    talk.ask("n", "Go on")
    talk.go("n", Scripted([TextPart("ok"), STOP]), limit=100_000)
    assert not talk.compactions


@pytest.mark.parametrize("bad", [[STOP], [OptaError("no", code=ErrorCode.provider_error)]])
def test_a_model_that_writes_no_good_summary_costs_no_turn(bad: list[Any]) -> None:
    talk = Talk(30)
    talk.ask("n", "Go on")
    provider = Scripted(bad, [TextPart("ok"), STOP])
    assert talk.go("n", provider, limit=4000).finish == "stop"
    (compacted,) = talk.compactions
    assert compacted.after < compacted.before
    assert "Question 28" in compacted.summary


def test_a_summary_without_end_is_cut() -> None:
    talk = Talk(30)
    talk.ask("n", "Go on")
    talk.go("n", Scripted([TextPart("blah " * 20_000), STOP], [TextPart("ok"), STOP]), limit=4000)
    (compacted,) = talk.compactions
    assert (len(compacted.summary) <= 2002, compacted.after < compacted.before) == (True, True)


def test_a_provider_that_says_the_context_is_full_is_asked_again_after_compaction() -> None:
    talk = Talk(6)
    talk.ask("n", "Go on")
    overflow = OptaError("too long", code=ErrorCode.context_overflow)
    provider = Scripted([overflow], [TextPart("Sum."), STOP], [TextPart("ok"), STOP])
    assert talk.go("n", provider).finish == "stop"
    assert [event.attempt for event in talk.events if isinstance(event, e.StepStart) and event.turn == "n"] == [1, 2]
    again = Scripted([overflow], [TextPart("Sum."), STOP], [overflow])
    other = Talk(6)
    other.ask("n", "Go on")
    with pytest.raises(OptaError):
        other.go("n", again)
    assert len(other.compactions) == 1


def test_nothing_to_compact_is_said() -> None:
    talk = Talk(1)
    talk.ask("c", "", compact=True)
    assert talk.go("c", Scripted()).finish == "stop"
    assert [event.code for event in talk.events if isinstance(event, e.Warning)] == ["nothing_to_compact"]


def test_a_turn_whose_agent_died_after_compaction_does_not_compact_again() -> None:
    talk = Talk(30)
    talk.ask("n", "Go on")
    with pytest.raises(OptaError):
        talk.go("n", Scripted([TextPart("Sum."), STOP], [OptaError("x", code=ErrorCode.provider_auth)]), limit=4000)
    talk.go("n", Scripted([TextPart("ok"), STOP]), limit=4000)
    assert len(talk.compactions) == 1


def test_every_tool_that_is_offered_counts_also_those_of_servers() -> None:
    tools = [
        OfferedTool(name=f"mcp__docs__find{number}", description="words " * 60, parameters={"type": "object"}, server="docs", schema="ab")
        for number in range(40)
    ]

    class WithServers(Talk):
        async def offered(self, session: AgentSession, turn_id: str) -> Offered:
            return Offered(ToolList(sid=SID, turn=turn_id, tools=tools))

    few, many = Talk(6), WithServers(6)
    for talk in (few, many):
        talk.ask("n", "Go on")
        talk.go("n", Scripted([TextPart("Much was said."), STOP], [TextPart("ok"), STOP]), limit=5000)
    assert (len(few.compactions), len(many.compactions)) == (0, 1)
