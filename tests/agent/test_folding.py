"""A long turn in a small window: it is folded in large bites, never too long, and an agent that takes it over sends the same."""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator
from itertools import pairwise

import msgspec
import pytest
from support.story import SID, TURN, Story

from opta_agent.gate import Permit
from opta_agent.loop import run_turn
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Usage
from opta_agent.router import Route
from opta_agent.session import AgentSession
from opta_agent.shown_result import shown_result
from opta_agent.turn_run import Collaborators, TurnLimits
from opta_core.errors import OptaError
from opta_core.transcript import Call
from opta_protocol import events as e
from opta_protocol.error_info import ErrorCode

# What the model of these tests counts as a token.
BYTES_A_TOKEN = 3.6


def tokens(request: ModelRequest) -> int:
    return int((len(request.messages) + len(request.tools)) / BYTES_A_TOKEN)


class Worker:
    """A model that reads and edits files, step after step. It refuses prompts that are longer than its context."""

    name, host = "worker", "nowhere"

    def __init__(self, limit: int, steps: int, begin: int = 0):
        self.limit, self.steps, self.at = limit, steps, begin
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        self.requests.append(request)
        prompt = tokens(request)
        assert prompt <= self.limit, f"step {self.at + 1}: {prompt} tokens"
        self.at += 1
        if self.at > self.steps:
            yield [TextPart("All is done."), End("stop", Usage(prompt=prompt, completion=5))]
            return
        rng = random.Random(self.at)
        parts: list[Part] = [TextPart(f"Step {self.at}. ")]
        for number in range(rng.choice((1, 1, 1, 2, 4))):
            path = f"src/module_{self.at}_{number}.py"
            if rng.random() < 0.7:
                parts.append(CallPart("x", "read_file", json.dumps({"path": path})))
            else:
                parts.append(
                    CallPart(
                        "x", "edit_file", json.dumps({"path": path, "old": "a" * rng.randrange(1, 200), "new": "b" * rng.randrange(300)})
                    )
                )
        yield [*parts, End("tool_calls", Usage(prompt=prompt, completion=60))]


class Workspace(Story):
    """A story whose files have many sizes; some are larger than the model's context."""

    async def run(self, session: AgentSession, call: e.ToolCall, permit: Permit | None = None) -> e.ToolResult:
        rng = random.Random(str(call.args.get("path")))
        lines = rng.choices((3, 12, 40, 90, 2_000), (30, 40, 20, 8, 2))[0]
        content = "\n".join(f"{number}: line of {call.args.get('path')}" for number in range(lines))
        result = e.ToolResult(sid=SID, turn=TURN, callId=call.callId, ok=True, content=content, lines=lines)
        self.emit(result)
        return result


async def play(story: Workspace, model: Worker) -> e.TurnDone:
    async def route(wanted: str) -> Route:
        return Route(model, "m", model.limit)

    async def backpressure() -> None:
        return

    return await run_turn(story.session, TURN, Collaborators(route, story, story, story.emit, backpressure, TurnLimits(2_000, 10_000)))


def shared(requests: list[ModelRequest]) -> float:
    """The share of all prompt bytes that the request before had at the same place."""
    same = total = 0
    for one, other in pairwise(requests):
        before, now = bytes(one.tools) + bytes(one.messages)[:-1], bytes(other.tools) + bytes(other.messages)
        same += next((at for at, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
        total += len(now)
    return same / total


def without_ids(request: ModelRequest) -> str:
    """The messages of a request; ids of calls are made at random."""
    return re.sub(r'"(id|tool_call_id)":"\w+"', "", bytes(request.messages).decode())


@pytest.mark.parametrize(("limit", "least"), [(8_192, 0.75), (16_384, 0.85), (32_768, 0.92)])
def test_four_hundred_steps_fit_and_share_their_beginnings(limit: int, least: float) -> None:
    story, model = Workspace(), Worker(limit, 400)
    done = asyncio.run(play(story, model))
    assert (done.finish, done.steps) == ("stop", 401)
    folds = [event for event in story.events if isinstance(event, e.ContextFolded)]
    assert folds and all(fold.after < fold.before for fold in folds)
    assert shared(model.requests) >= least, f"{shared(model.requests):.3f}, {len(folds)} folds"


def test_an_agent_that_takes_over_sends_the_same_bytes() -> None:
    story, model = Workspace(), Worker(8_192, 60)
    asyncio.run(play(story, model))
    starts = [at for at, event in enumerate(story.events) if isinstance(event, e.StepStart)]
    for number in random.Random(1).sample(range(len(starts)), 20):
        again, later = Workspace(), Worker(8_192, 60, number)
        again.events.clear()
        again.session = AgentSession(SID, "test.boot")
        # Everything up to the beginning of that step is stored; the agent dies in it.
        for event in story.events[: starts[number] + 1]:
            again.emit(event)
        again.session.speaks_after(len(again.events))
        asyncio.run(play(again, later))
        assert bytes(later.requests[0].messages) == bytes(model.requests[number].messages), number
        assert without_ids(later.requests[-1]) == without_ids(model.requests[-1]), number


def test_the_list_of_what_was_done_stays_with_the_prompt() -> None:
    story, model = Workspace(), Worker(8_192, 40)
    asyncio.run(play(story, model))
    prompt = msgspec.json.decode(model.requests[-1].messages)[1]
    assert prompt["role"] == "user"
    assert re.match(r"go\n\n<environment>.*</environment>\n\n\[Done so far in this turn", prompt["content"])
    assert "- read_file src/module_" in prompt["content"]
    roles = [message["role"] for message in msgspec.json.decode(model.requests[-1].messages)]
    assert roles[:3] == ["system", "user", "assistant"]


@pytest.mark.parametrize("limit", [0, 2_048, 8_192])
def test_a_result_is_cut_at_the_end_of_a_line_and_says_how_to_get_the_rest(limit: int) -> None:
    content = "\n".join(f"line {number}" for number in range(5_000))
    call = Call(id="c", name="read_file", args={}, risk="read", content=content)
    one, four = shown_result(call, 1, limit), shown_result(call, 4, limit)
    if not limit:
        assert one == content
        return
    assert len(one) <= limit * 3 / 6 + 250
    assert len(four) <= max(400, limit * 3 / 12) + 250
    head, _, note = one.rpartition("\n")
    assert content.startswith(head + "\n")
    assert "of 5000 lines" in note and "start_line" in note


def test_a_prompt_that_a_server_refuses_as_too_long_is_folded_and_sent_again() -> None:
    class Small(Worker):
        """A server whose model reads less than the provider was configured for."""

        real = 4_096

        async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
            if tokens(request) > self.real:
                refused.append(tokens(request))
                raise OptaError("too long", code=ErrorCode.context_overflow, details={"contextLimit": self.real})
            async for parts in super().stream(request):
                yield parts

    refused: list[int] = []
    story, model = Workspace(), Small(32_768, 60)
    assert asyncio.run(play(story, model)).finish == "stop"
    # The limit is learnt from the first refusal.
    assert len(refused) == 1
