"""What an agent keeps of a session: from it and the lines after it follows what follows from the whole journal."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.events import journal as lines_of
from support.snapshots import agent_edition, session_differences

from opta_agent.session import AgentSession
from opta_agent.session_record import decoded, encoded
from opta_protocol import events as e
from opta_protocol.permissions import Level, Mode, Risk

SID = "abcdef"
START = e.SessionStart(sid=SID, title="é \U0001f600", cwd="/w", mode=Mode.do, level=Level.L2)
EDITION = "0" * 64
_PIECES = st.text(st.characters(codec="utf-8"), max_size=8)
_ARGS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _PIECES, st.lists
)


@st.composite
def turns(draw: st.DrawFn, number: int) -> list[e.Event]:
    """The events of a turn that ended, with what may be remembered of one."""
    of: dict[str, Any] = {"sid": SID, "turn": f"t{number}"}
    images = draw(st.sampled_from([[], [], ["a" * 32 + ".png"]]))
    events: list[e.Event] = [
        e.TurnStart(
            role="user",
            text=draw(_PIECES),
            mode=Mode.do,
            level=Level.L2,
            compact=not images and draw(st.booleans()),
            attachments=images,
            **of,
        )
    ]
    if draw(st.booleans()):
        events.append(e.ContextInjected(source="src/AGENTS.md", text=draw(_PIECES), edition="1", tokens=1, **of))
    for step in range(1, draw(st.integers(1, 3)) + 1):
        events.append(e.StepStart(step=step, provider="p", model="m", attempt=1, contextLimit=draw(st.integers(0, 9)), **of))
        events += [e.TurnToken(delta=piece, **of) for piece in draw(st.lists(_PIECES, max_size=3))]
        if draw(st.booleans()):
            call, args = f"c{number}.{step}", {"command": draw(_PIECES), "more": draw(_ARGS)}
            events += [
                e.ToolCall(callId=call, name="run_command", args=args, risk=Risk.execute, step=step, **of),
                e.PermissionDecision(
                    callId=call, requestId=f"r{call}", decision="allow", by="client", scope=draw(st.sampled_from(["", "session"])), **of
                ),
                e.ToolResult(callId=call, ok=draw(st.booleans()), content=draw(_PIECES), lines=1, durationMs=1.5, **of),
            ]
        if draw(st.booleans()):
            events.append(e.ContextFolded(step=step + 1, upToStep=step, before=9, after=3, digest=draw(_PIECES), **of))
    if draw(st.booleans()):
        events.append(e.PlanUpdated(items=[{"text": draw(_PIECES), "state": "open"}], **of))
    ending = draw(st.sampled_from(["done", "error", "cancelled"]))
    if ending == "done":
        events.append(
            e.TurnDone(
                tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish=draw(st.sampled_from(["stop", "steps"])), contextUsed=draw(st.integers(0, 99)), **of
            )
        )  # fmt: skip
    elif ending == "error":
        events.append(e.TurnError(code="broken", message="no", domain="tool", retryable=True, resumable=True, **of))  # type: ignore[arg-type]
    else:
        events.append(e.SessionCancelled(reason="stopped", by="client", **of))
    between: list[e.Event] = [
        e.SessionUpdated(sid=SID, changes={"title": draw(_PIECES), "mode": "chat"}),
        e.SessionNote(sid=SID, text=draw(_PIECES), kind="post-mortem"),
        e.TurnUndone(sid=SID, turn=f"t{number}", files=["a.py"]),
    ]
    return [*events, *draw(st.lists(st.sampled_from(between), max_size=2))]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_session_goes_on_from_what_was_kept_after_any_of_its_turns(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    parts = [data.draw(turns(number)) for number in range(1, count + 1)]
    kept_after = data.draw(st.integers(1, count))
    events: list[e.Event] = [START]
    ends: list[int] = []
    for number, part in enumerate(parts, 1):
        events += part
        if number > 1 and data.draw(st.integers(0, 4)) == 0:
            events.append(e.SessionCleared(sid=SID, upTo=ends[-1]))
        ends.append(len(events))
    lines = lines_of(*events)
    session, at = AgentSession(SID, "test.boot"), 0
    for number in range(kept_after):
        # As an agent does: the turns before it move into the history when a turn begins.
        begin = ends[number - 1] if number else 1
        session.take(at + 1, lines[at : begin + 1])
        session.settle(f"t{number + 1}")
        session.take(begin + 2, lines[begin + 1 : ends[number]])
        at = ends[number]
    record = decoded(EDITION, encoded(EDITION, session.record(at)))
    assert record is not None and record.seq == at
    restored = AgentSession(SID, "other.boot")
    restored.restore(record)
    assert session_differences(restored, at, lines[:at], lines[at:]) == []


def test_a_summary_that_covers_turns_is_kept() -> None:
    of: dict[str, Any] = {"sid": SID}
    events: list[e.Event] = [START]
    for number in range(1, 5):
        turn = f"t{number}"
        events += [
            e.TurnStart(turn=turn, role="user", text=f"say {number}", mode=Mode.do, level=Level.L2, **of),
            e.StepStart(turn=turn, step=1, provider="p", model="m", attempt=1, **of),
            e.TurnToken(turn=turn, delta=f"said {number}", **of),
            e.TurnDone(turn=turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop", contextUsed=40, **of),
        ]
    events.append(e.ContextCompacted(turn="t4", before=9, after=3, summary="They said one and two.", upTo=6, **of))
    lines = lines_of(*events)
    session = AgentSession(SID, "test.boot")
    session.take(1, lines[:14])
    session.settle("t4")
    session.take(15, lines[14:])
    session.settle("")
    record = decoded(EDITION, encoded(EDITION, session.record(len(lines))))
    assert record is not None
    restored = AgentSession(SID, "other.boot")
    restored.restore(record)
    assert session_differences(restored, len(lines), lines, []) == []
    assert b"They said one and two." in restored.history.record().summary


def test_another_edition_of_the_code_reads_none() -> None:
    session = AgentSession(SID, "test.boot")
    session.take(1, lines_of(START))
    content = encoded(agent_edition(), session.record(1))
    assert decoded(agent_edition(), content) is not None
    assert decoded("1" * 64, content) is None
    assert decoded("", encoded("", session.record(1))) is None
    assert decoded(agent_edition(), content[:-1]) is None


def test_a_turn_that_speaks_before_the_end_of_the_last_one_is_read_loses_no_word() -> None:
    events: list[e.Event] = [START]
    for turn in ("t1", "t2"):
        events.append(e.TurnStart(sid=SID, turn=turn, role="user", text="say", mode=Mode.do, level=Level.L2))
    first: dict[str, Any] = {"sid": SID, "turn": "t1"}
    events += [
        e.StepStart(step=1, provider="p", model="m", attempt=1, **first),
        e.TurnDone(tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop", **first),
        e.StepStart(sid=SID, turn="t2", step=1, provider="p", model="m", attempt=1),
    ]
    lines = lines_of(*events)
    session = AgentSession(SID, "test.boot")
    session.take(1, lines[:4])
    session.say(e.TurnToken(sid=SID, turn="t2", delta="every "), 1, 1)
    session.take(5, lines[4:5])
    session.say(e.TurnToken(sid=SID, turn="t2", delta="word"), 1, 1)
    session.take(6, lines[5:])
    turn = session.transcript.turn("t2")
    assert turn is not None and turn.steps[0].text == "every word"
