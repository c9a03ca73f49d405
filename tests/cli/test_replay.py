"""The pace of `opta sessions replay`: as it happened, long pauses shortened, a clock that went back ignored."""

import pytest

from opta_cli.commands.session_replay import PAUSE_S_MAX, Pace, span


def at(seconds: float) -> str:
    return f"2026-11-30T08:00:{seconds:09.6f}Z" if seconds < 60 else f"2026-11-30T09:{int(seconds) // 60:02}:00.000000Z"


def test_events_come_as_far_apart_as_they_were() -> None:
    pace = Pace(1)
    assert [pace.before(at(seconds)) for seconds in (0, 0.5, 2)] == [(0, 0), (0.5, 0), (1.5, 0)]


def test_a_faster_replay_waits_less() -> None:
    pace = Pace(10)
    pace.before(at(0))
    assert pace.before(at(1)) == (pytest.approx(0.1), 0)


def test_a_long_pause_is_shortened_and_named() -> None:
    pace = Pace(1)
    pace.before(at(0))
    wait, pause = pace.before(at(600))
    assert wait == PAUSE_S_MAX and pause == 4200


def test_short_waits_are_added_up() -> None:
    pace = Pace(1)
    waits = [pace.before(at(number / 100))[0] for number in range(11)]
    assert sum(waits) == pytest.approx(0.1)
    assert sum(wait > 0 for wait in waits) <= 5


def test_a_clock_that_was_set_back_and_a_time_that_is_none_wait_for_nothing() -> None:
    pace = Pace(1)
    assert [pace.before(ts)[0] for ts in (at(2), at(1), "", "x", at(2))] == [0, 0, 0, 0, 0]


def test_pauses_are_named_by_their_two_largest_units() -> None:
    assert [span(seconds) for seconds in (3, 61, 3600, 90_061)] == ["3 s", "1 min 1 s", "1 h", "1 d 1 h"]
