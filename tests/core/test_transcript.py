"""The fold on the fixtures that the page's TypeScript fold is tested with too."""

import json
from pathlib import Path

import msgspec
import pytest
from support.events import journal

from opta_core.fold import continued, fold
from opta_core.transcript import Transcript
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode, Offer, Risk

FOLDER = Path(__file__).parent.parent / "fixtures/transcripts"
NAMES = sorted(file.stem for file in FOLDER.glob("*.jsonl"))
HERE = {"sid": "abcdef", "turn": "t1"}
START = e.SessionStart(sid="abcdef", title="One", cwd="/w", mode=Mode.do, level=Level.L2)
ASKED = e.TurnStart(**HERE, role="user", text="Do it", mode=Mode.do, level=Level.L2)


def step(number: int, attempt: int = 1, kept: int = 0) -> e.StepStart:
    return e.StepStart(**HERE, step=number, provider="lmx", model="probe", attempt=attempt, keptChars=kept)


@pytest.mark.parametrize("name", NAMES)
def test_the_fold_of_a_fixture_is_what_is_written_beside_it(name: str) -> None:
    lines = (FOLDER / f"{name}.jsonl").read_bytes().splitlines()
    expected = json.loads((FOLDER / f"{name}.json").read_text())
    assert msgspec.to_builtins(fold(map(wire.decode, lines))) == expected


def test_there_are_fixtures() -> None:
    assert {"answer", "tools", "attempts", "endings"} <= set(NAMES)


def test_a_repeated_step_keeps_the_kept_part_and_folds_the_rest_away() -> None:
    lines = journal(
        START,
        ASKED,
        step(1),
        e.TurnToken(**HERE, delta="Gute Nächte, "),
        e.TurnToken(**HERE, delta="lost words"),
        step(1, 2, 12),
        e.TurnToken(**HERE, delta="and on"),
    )
    (turn,) = fold(map(wire.decode, lines)).turns
    assert [(s.text, s.folded, s.attempt) for s in turn.steps] == [("Gute Nächte,and on", " lost words", 2)]


def test_replay_then_live_equals_one_fresh_read() -> None:
    offer = Offer(id="always", label="Always allow")
    lines = journal(
        START,
        ASKED,
        step(1),
        e.ToolCall(**HERE, callId="c1", name="write_file", args={"path": "a"}, risk=Risk.write, step=1),
        e.PermissionRequest(
            **HERE,
            requestId="r1",
            callId="c1",
            name="write_file",
            args={},
            reason="ask",
            rule="ask",
            layer="defaults",
            expiresAt="",
            offers=[offer],
        ),
        e.PermissionDecision(**HERE, requestId="r1", callId="c1", decision="deny", by="client", note="no"),
        e.ToolResult(**HERE, callId="c1", ok=False, content="Error: no", code="denied"),
        e.TurnError(**HERE, code="broken", message="x", domain="tool"),
    )
    fresh = fold(map(wire.decode, lines))
    for cut in range(len(lines)):
        split = Transcript()
        for line in lines[:cut]:
            split.apply(wire.decode(line))
        resumed = msgspec.convert(msgspec.to_builtins(split), Transcript)
        for line in lines[cut:]:
            resumed.apply(wire.decode(line))
        assert resumed == fresh
    assert fresh.turns[0].steps[0].calls[0].state == "denied"


def test_an_event_of_another_version_is_kept_and_changes_nothing_else() -> None:
    body = b'{"event":"turn.sparkle","sid":"abcdef","turn":"t1","colour":"gold"}'
    line = wire.stamp(body, 3, "2026", "p", 3)
    event = wire.decode(line)
    assert isinstance(event, e.Unknown)
    assert event.raw["colour"] == "gold"
    transcript = fold([*map(wire.decode, journal(START, ASKED)), event])
    assert transcript.lastSeq == 3
    assert len(transcript.turns) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_continued_transcript_equals_one_fresh_read_and_the_former_one_stays_as_it_was(name: str) -> None:
    events = [wire.decode(line) for line in (FOLDER / f"{name}.jsonl").read_bytes().splitlines()]
    fresh = fold(events)
    for cut in range(len(events)):
        former = fold(events[:cut])
        assert continued(former, events[cut:]) == fresh
        assert former == fold(events[:cut])


def test_a_continued_transcript_shares_the_turns_without_new_events() -> None:
    second = e.TurnStart(sid="abcdef", turn="t2", role="user", text="More", mode=Mode.do, level=Level.L2)
    former = fold(map(wire.decode, journal(START, ASKED, step(1), second)))
    later = continued(former, [e.TurnStopping(sid="abcdef", turn="t2", by="client")])
    assert later.turns[0] is former.turns[0]
    assert [turn.state for turn in [*former.turns, later.turns[1]]] == ["running", "running", "stopping"]
