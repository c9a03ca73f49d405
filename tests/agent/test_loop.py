"""A turn from prompt to ending with a scripted provider: no socket, no process."""

from typing import Any

import msgspec
import pytest
from support.events import TS
from support.story import SID, TURN, Scripted, Story, messages

from opta_agent.providers.base import CallPart, End, Part, TextPart, Thinking, Usage
from opta_agent.session import AgentSession
from opta_agent.turn_run import TurnLimits
from opta_core.errors import OptaError, Unavailable
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

STOP = End("stop", Usage(prompt=10, completion=3))
USE = End("tool_calls", Usage(prompt=10, completion=3))
Script = list[Part | OptaError]


def lost() -> Unavailable:
    return Unavailable("gone", code=ErrorCode.stream_lost, retry_after_s=0.001)


def test_text_alone_is_one_step() -> None:
    story = Story()
    done = story.play(Scripted([Thinking("hm"), TextPart("Hel"), TextPart("lo"), STOP]))
    assert story.names() == ["step.start", "turn.thinking", "turn.token", "turn.token", "step.done"]
    assert (done.finish, done.steps, done.tools, done.tokens, done.promptTokens, done.contextLimit) == ("stop", 1, 0, 3, 10, 1000)


def test_a_tool_call_is_decided_run_and_read_by_the_next_step() -> None:
    story = Story()
    provider = Scripted([TextPart("look"), CallPart("x", "read_file", '{"path":"a"}'), USE], [TextPart("done"), STOP])
    done = story.play(provider)
    assert story.names() == [
        *("step.start", "turn.token", "tool.call", "step.done", "permission.decision", "tool.result"),
        *("step.start", "turn.token", "step.done"),
    ]
    (call_id,) = [event.callId for event in story.events if isinstance(event, e.ToolCall)]
    assert messages(provider, 1)[1:] == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": "look",
            "tool_calls": [{"id": call_id, "type": "function", "function": {"name": "read_file", "arguments": '{"path":"a"}'}}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "ran read_file"},
    ]
    assert messages(provider, 1)[:2] == messages(provider, 0)[:2]
    assert (done.steps, done.tools, done.tokens) == (2, 1, 6)


def test_a_denied_call_is_reported_to_the_model_and_not_run() -> None:
    story = Story()
    story.denied = frozenset({"run_command"})
    provider = Scripted([CallPart("x", "run_command", '{"command":"ls"}'), USE], [TextPart("ok"), STOP])
    story.play(provider)
    assert messages(provider, 1)[-1]["content"] == "Error: not today"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("read_file", "{not json", "the arguments are not JSON"),
        ("fly", "{}", "there is no tool 'fly'"),
        ("grep", "[1]", "are no JSON object"),
        ("grep", '{"a":' * 3000 + "1" + "}" * 3000, "nested deeper than 64"),
        ("grep", '{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64"),
    ],
)
def test_a_bad_call_is_explained_to_the_model(name: str, arguments: str, said: str) -> None:
    provider = Scripted([CallPart("x", name, arguments), USE], [TextPart("ok"), STOP])
    Story().play(provider)
    assert said in messages(provider, 1)[-1]["content"]


def test_a_lost_stream_is_asked_again_as_another_attempt() -> None:
    story = Story()
    story.play(Scripted([TextPart("half an ans"), lost()], [TextPart("whole"), STOP]))
    starts = [event for event in story.events if isinstance(event, e.StepStart)]
    assert [(start.step, start.attempt, start.keptChars) for start in starts] == [(1, 1, 0), (1, 2, 0)]
    (step,) = story.session.transcript.turns[0].steps
    assert (step.text, step.folded) == ("whole", "half an ans")


def test_a_stream_that_is_lost_again_and_again_ends_the_turn_with_its_reason() -> None:
    with pytest.raises(OptaError, match="gone"):
        Story().play(Scripted(*[[lost()] for _ in range(4)]))
    with pytest.raises(OptaError, match="no key"):
        Story().play(Scripted([OptaError("no key", code=ErrorCode.provider_auth)]))


def test_limits_end_a_turn_that_goes_on_and_on() -> None:
    def calls(count: int, *, same: bool) -> list[Part | OptaError]:
        return [*(CallPart("x", "grep", f'{{"pattern":"{"x" if same else number}"}}') for number in range(count)), USE]

    by_steps = Story()
    assert (
        by_steps.play(Scripted(*[[CallPart("x", "list_dir", f'{{"path":"{n}"}}'), USE] for n in range(3)]), TurnLimits(3, 30)).finish
        == "steps"
    )
    assert Story().play(Scripted(calls(31, same=False)), TurnLimits(20, 30)).finish == "budget"


def left_behind(story: Story, name: str, risk: Any, *, started: bool) -> None:
    story.emit(e.StepStart(sid=SID, turn=TURN, step=1, provider="p", model="m", attempt=1))
    story.emit(e.ToolCall(sid=SID, turn=TURN, callId="c1", name=name, args={}, risk=risk, step=1))
    story.emit(e.PermissionDecision(sid=SID, turn=TURN, callId="c1", decision="allow", by="rule"))
    if started:
        story.emit(e.ToolStart(sid=SID, turn=TURN, callId="c1", worker="w", sandbox="none"))


@pytest.mark.parametrize(
    ("name", "risk", "started", "running", "said"),
    [
        ("list_dir", "read", True, False, "ran list_dir"),
        ("run_command", "execute", True, False, "Error: outcome unknown"),
        ("run_command", "execute", True, True, "adopted run_command"),
        ("write_file", "write", False, False, "ran write_file"),
    ],
)
def test_a_call_left_by_a_former_agent_is_never_done_twice(name: str, risk: Any, started: bool, running: bool, said: str) -> None:
    story = Story()
    story.running = frozenset({"c1"} if running else ())
    left_behind(story, name, risk, started=started)
    provider = Scripted([TextPart("on we go"), STOP])
    story.play(provider)
    assert messages(provider, 0)[-1]["content"].startswith(said)
    assert [event.step for event in story.events if isinstance(event, e.StepStart)] == [1, 2]


def test_an_answer_cut_off_by_a_crash_is_generated_again() -> None:
    story = Story()
    story.emit(e.StepStart(sid=SID, turn=TURN, step=1, provider="p", model="m", attempt=1))
    story.emit(e.TurnToken(sid=SID, turn=TURN, delta="I was say"))
    provider = Scripted([TextPart("I was saying"), STOP])
    story.play(provider)
    assert [message["role"] for message in messages(provider, 0)] == ["system", "user"]
    assert story.session.transcript.turns[0].steps[0].text == "I was saying"


def test_a_route_that_says_nothing_twice_is_left_for_its_fallback() -> None:
    story = Story()
    other = Scripted([TextPart("from the other"), STOP])
    done = story.play(Scripted([lost()], [lost()]), fallback=other)
    (switch,) = [event for event in story.events if isinstance(event, e.RouteSwitch)]
    assert (switch.from_, switch.to, switch.reason) == ("scripted/model", "scripted/other", "gone")
    assert done.contextLimit == 500
    assert story.session.transcript.turns[0].steps[0].text == "from the other"


def test_a_route_that_broke_off_in_the_middle_is_not_left_silently() -> None:
    story = Story()
    story.play(Scripted([TextPart("half"), lost()], [TextPart("half"), lost()], [TextPart("whole"), STOP]), fallback=Scripted())
    assert not [event for event in story.events if isinstance(event, e.RouteSwitch)]


def test_ended_turns_are_encoded_once_and_read_as_before() -> None:
    story = Story()
    story.play(Scripted([TextPart("look"), CallPart("x", "read_file", '{"path":"a"}'), USE], [TextPart("done"), STOP]))
    story.emit(e.TurnDone(sid=SID, turn=TURN, tokens=1, elapsed=1, tokensPerSec=1, tools=1, steps=2, finish="stop"))
    fresh = AgentSession(SID, "another.boot")
    again = e.TurnStart(sid=SID, turn="t2", role="user", text="", mode=Mode.do, level=Level.L2, resumes=TURN)
    lines = [
        wire.stamp(wire.encode_body(event), seq, TS.format(seq), "test.boot", seq) for seq, event in enumerate([*story.events, again], 1)
    ]
    for session in (story.session, fresh):
        session.take(1, lines) if session is fresh else session.take(len(lines), lines[-1:])
        session.settle("t2")
        turn = session.transcript.turn("t2")
        assert turn is not None
        assert [t.id for t in session.transcript.turns] == ["t2"]
        read = msgspec.json.decode(session.history.messages(turn, step=9))
        assert [message["role"] for message in read] == ["system", "user", "assistant", "tool", "assistant", "user"]
        assert read[-1]["content"].startswith("Continue where you were interrupted")
        assert read[2]["content"] == "look"


def test_roles_alternate_after_a_stop_at_every_point() -> None:
    whole = Story()
    whole.play(Scripted([TextPart("look"), CallPart("x", "read_file", '{"path":"a"}'), USE], [STOP], [TextPart("done"), STOP]))
    for count in range(2, len(whole.events) + 1):
        events = [*whole.events[:count], e.SessionCancelled(sid=SID, turn=TURN, reason="", by="client")]
        events.append(e.TurnStart(sid=SID, turn="t2", role="user", text="and now?", mode=Mode.do, level=Level.L2))
        session = AgentSession(SID, "another.boot")
        session.take(1, [wire.stamp(wire.encode_body(event), seq, TS.format(seq), "test.boot", seq) for seq, event in enumerate(events, 1)])
        session.settle("t2")
        turn = session.transcript.turn("t2")
        assert turn is not None
        roles = [message["role"] for message in msgspec.json.decode(session.history.messages(turn, step=1))]
        assert roles[0] == "system" and roles[-1] == "user"
        assert [role for role, before in zip(roles[1:], roles[:-1], strict=True) if role == before != "tool"] == [], (count, roles)
        assert all(roles[at + 1] in ("assistant", "tool") for at, role in enumerate(roles) if role == "tool"), (count, roles)


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (e.SessionCancelled(sid=SID, turn=TURN, reason="", by="client"), "I will now\n\n(The user stopped this turn.)"),
        (e.TurnError(sid=SID, turn=TURN, code="x", message="x", domain="tool"), "I will now\n\n(This turn failed before its end.)"),
        (
            e.TurnDone(sid=SID, turn=TURN, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="length"),
            "I will now\n\n(This turn reached its limit.)",
        ),
        (e.TurnDone(sid=SID, turn=TURN, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"), "I will now"),
    ],
)
def test_half_an_answer_is_not_read_as_a_whole_one(ending: e.Event, said: str) -> None:
    story = Story()
    story.play(Scripted([TextPart("I will now"), STOP]))
    story.emit(ending)
    story.emit(e.TurnStart(sid=SID, turn="t2", role="user", text="and now?", mode=Mode.do, level=Level.L2))
    story.session.settle("t2")
    turn = story.session.transcript.turn("t2")
    assert turn is not None
    read = msgspec.json.decode(story.session.history.messages(turn, step=1))
    assert [message["content"] for message in read[-2:]] == [said, "and now?"]


def taken_over(story: Story, count: int, *scripts: Script) -> tuple[Story, Scripted, e.TurnDone]:
    """Another agent runs the turn, of which the first `count` events are stored."""
    again = Story()
    again.events.clear()
    again.session = AgentSession(SID, "another.boot")
    for event in story.events[:count]:
        again.emit(event)
    again.session.speaks_after(len(again.events))
    provider = Scripted(*scripts)
    return again, provider, again.play(provider)


def position(story: Story, kind: type[e.Event], number: int = 0) -> int:
    return [at for at, event in enumerate(story.events) if isinstance(event, kind)][number]


def test_a_whole_answer_that_is_stored_ends_the_turn_without_another_request() -> None:
    story = Story()
    before = story.play(Scripted([CallPart("x", "read_file", '{"path":"a"}'), USE], [TextPart("done"), STOP]))
    _, provider, done = taken_over(story, len(story.events))
    assert provider.requests == []
    assert (done.finish, done.steps, done.tools, done.tokens) == ("stop", before.steps, before.tools, before.tokens)


def test_an_answer_whose_end_is_not_stored_is_asked_for_again_with_all_its_calls() -> None:
    story = Story()
    calls = [CallPart("x", "read_file", '{"path":"a"}'), CallPart("y", "read_file", '{"path":"b"}'), USE]
    story.play(Scripted(calls, [TextPart("done"), STOP]))
    again, provider, _ = taken_over(story, position(story, e.ToolCall) + 1, calls, [TextPart("done"), STOP])
    assert [event.attempt for event in again.events if isinstance(event, e.StepStart)] == [1, 2, 1]
    (turn,) = again.session.transcript.turns
    assert [call.args["path"] for call in turn.steps[0].calls] == ["a", "b"]
    assert [message["role"] for message in messages(provider, 1)] == ["system", "user", "assistant", "tool", "tool"]
