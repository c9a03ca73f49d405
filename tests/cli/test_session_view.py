"""What a terminal shows is a fold: the same events give the same passages, and the answer is that of the transcript."""

from pathlib import Path
from typing import Any

import pytest

from opta_cli.exit_codes import ExitCode
from opta_cli.plain_printer import PlainPrinter
from opta_cli.session_past import lines
from opta_cli.view import SessionView
from opta_core.fold import fold
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures/transcripts").glob("*.jsonl"))


def events_of(file: Path) -> list[e.AnyEvent | e.Unknown]:
    return [wire.decode(line) for line in file.read_bytes().splitlines()]


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_the_answers_of_the_view_are_those_of_the_transcript(file: Path) -> None:
    events, view = events_of(file), SessionView()
    for event in events:
        view.apply(event)
    for turn in fold(events).turns:
        shown = "".join(block.text for block in view.blocks if block.kind == "answer" and block.turn == turn.id)
        assert shown == "".join(step.text for step in turn.steps)
        if turn.state == "done":
            assert view.turns[turn.id].outcome in (ExitCode.done, ExitCode.denied, ExitCode.limit)
        assert (view.turns[turn.id].outcome is None) == (turn.state in ("running", "queued", "pausing", "stopping")), turn.state


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_the_same_events_give_the_same_passages(file: Path) -> None:
    views = [SessionView(), SessionView()]
    for view in views:
        for event in events_of(file):
            view.apply(event)
    assert list(lines(views[0].blocks)) == list(lines(views[1].blocks))
    assert views[0].open == views[1].open


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_a_pipe_gets_each_answer_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    view, printer = SessionView(), PlainPrinter(as_json=False)
    for event in events_of(file):
        parts = view.apply(event)
        if isinstance(event, e.StepDone | e.ToolCall):
            printer.flush()
        for part in parts:
            printer.show(part)
    printer.flush()
    printed = capsys.readouterr().out.replace("\n", "")
    assert printed == "".join(step.text for turn in fold(events_of(file)).turns for step in turn.steps).replace("\n", "")


def done(finish: Any = "stop") -> e.TurnDone:
    return e.TurnDone(sid="s", turn="t1", seq=9, tokens=1, elapsed=1.0, tokensPerSec=1.0, tools=0, steps=1, finish=finish)


def denied(layer: Any, by: Any) -> e.PermissionDecision:
    return e.PermissionDecision(sid="s", turn="t1", seq=5, callId="c", decision="deny", by=by, layer=layer)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([done()], ExitCode.done),
        ([denied("user", "rule"), done()], ExitCode.denied),
        ([denied("defaults", "client"), done()], ExitCode.denied),
        ([denied("mode", "rule"), done()], ExitCode.done),
        ([denied("user", "rule"), done("steps")], ExitCode.limit),
        ([done("length")], ExitCode.limit),
        ([e.TurnError(sid="s", turn="t1", seq=9, code="x", message="m", domain="tool")], ExitCode.failed),
        ([e.SessionCancelled(sid="s", turn="t1", seq=9, reason="stopped", by="user")], ExitCode.cancelled),
        ([e.TurnPaused(sid="s", turn="t1", seq=9, step=2)], ExitCode.cancelled),
        ([e.TurnPaused(sid="s", turn="t1", seq=8, step=2), e.TurnResumed(sid="s", turn="t1", seq=9, by="x")], None),
    ],
)
def test_every_ending_has_one_exit_code(events: list[e.AnyEvent], outcome: ExitCode | None) -> None:
    view = SessionView()
    view.apply(e.TurnStart(sid="s", turn="t1", seq=1, role="user", text="x", mode=Mode.do, level=Level.L2, model="", key=""))
    for event in events:
        view.apply(event)
    assert view.turn("t1").outcome == outcome
