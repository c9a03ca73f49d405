"""What a terminal that comes later shows of a session."""

import pytest

from opta_cli import session_past
from opta_cli.view import SessionView
from opta_protocol import events as e
from opta_protocol.permissions import Level, Mode

SID = "abcdef"


def started(turn: str, text: str) -> e.TurnStart:
    return e.TurnStart(sid=SID, turn=turn, role="user", text=text, mode=Mode.chat, level=Level.L2)


def said(turn: str, text: str) -> e.TurnToken:
    return e.TurnToken(sid=SID, turn=turn, delta=text)


def test_an_answer_that_goes_on_is_shown_last_so_that_the_rest_of_it_follows(capsys: pytest.CaptureFixture[str]) -> None:
    view = SessionView()
    past = [started("t1", "first"), said("t1", "One."), e.SessionNote(sid=SID, text="between")]
    now = [started("t2", "second"), said("t2", "Two and"), started("t3", "third"), e.TurnQueued(sid=SID, turn="t3", position=1)]
    for event in [*past, *now]:
        view.apply(event)
    begun = session_past.show(view, "t2")
    assert [(part.kind, part.text) for part in begun] == [("answer", "Two and")]
    shown = capsys.readouterr().err
    assert "Two and" not in shown
    assert shown.index("you ▸ third") < shown.index("waits behind") < shown.index("you ▸ second")
    assert shown.rstrip().endswith("you ▸ second")


def test_without_a_turn_that_runs_everything_is_shown_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    view = SessionView()
    note = e.SessionNote(sid=SID, text="of no turn")
    for event in [started("t1", "first"), said("t1", "One."), note, started("t2", "second"), said("t2", "Two.")]:
        view.apply(event)
    # What belongs to no turn would otherwise come with the next one.
    assert session_past.show(view) == []
    shown = capsys.readouterr().err
    assert [shown.index(text) for text in ("first", "One.", "second", "Two.")] == sorted(
        shown.index(text) for text in ("first", "One.", "second", "Two.")
    )
