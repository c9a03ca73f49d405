"""What a person is shown of the context: exactly what the model gets, between turns and while one runs."""

from collections.abc import AsyncGenerator

import msgspec
from support.story import SID, Scripted, Story

from opta_agent.context_view import context_of
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Usage
from opta_agent.router import Route
from opta_agent.toolset import Offered
from opta_protocol import events as e
from opta_protocol.http_context import SessionContext
from opta_protocol.permissions import Level, Mode

STOP = End("stop", Usage(prompt=900, completion=3))
USE = End("tool_calls", Usage(prompt=800, completion=3))


def spoken() -> tuple[Story, Scripted]:
    story = Story()
    provider = Scripted(
        [TextPart("look"), CallPart("x", "read_file", '{"path":"a"}'), USE], [TextPart("done"), STOP], [TextPart("ok"), STOP]
    )
    done = story.play(provider)
    story.emit(done)
    return story, provider


def test_between_turns_it_is_what_the_next_request_begins_with() -> None:
    story, provider = spoken()
    shown = context_of(story.session, Offered(), Route(provider, "model", 4_000))
    assert (shown.isRunning, shown.provider, shown.model, shown.contextLimit, shown.reportedTokens) == (
        False,
        "scripted",
        "model",
        4_000,
        903,
    )
    assert [part.kind for part in shown.parts] == ["tools", "system", "user", "assistant", "tool", "assistant"]
    assert shown.tokens == sum(part.tokens for part in shown.parts)
    story.emit(e.TurnStart(sid=SID, turn="t1b", role="user", text="more", mode=Mode.chat, level=Level.L2))
    story.session.settle("t1b")
    turn = story.session.transcript.turn("t1b")
    assert turn is not None
    sent = msgspec.json.decode(story.session.history.messages(turn, step=1))
    assert [part.content for part in shown.parts[1:]] == sent[:-1]
    assert shown.parts[0].content == msgspec.json.decode(Offered().encoded())


def test_while_a_turn_runs_it_is_the_request_that_was_sent_last() -> None:
    story = Story()
    shown: list[tuple[ModelRequest, SessionContext]] = []

    class Watched(Scripted):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
            async for parts in super().stream(request):
                shown.append((request, context_of(story.session, Offered(), Route(self, "model", 4_000))))
                yield parts

    story.play(Watched([CallPart("x", "read_file", '{"path":"a"}'), USE], [TextPart("done"), STOP]))
    for request, context in shown:
        assert context.isRunning
        assert [part.content for part in context.parts[1:]] == msgspec.json.decode(request.messages)
        assert context.parts[0].content == msgspec.json.decode(request.tools)


def test_without_a_route_to_a_model_the_rest_is_shown_with_the_reason() -> None:
    story, _ = spoken()
    shown = context_of(story.session, Offered(), None, "lmx does not answer")
    assert (shown.problem, shown.contextLimit, len(shown.parts)) == ("lmx does not answer", 0, 6)
