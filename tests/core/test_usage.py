"""What sessions used: counted from journals by day, model, folder and tool, each journal once, and nothing that is not known as if it were."""

import datetime
import os
from pathlib import Path

import msgspec
import pytest
from support.events import journal

from opta_core.paths import Paths
from opta_core.usage.figures import Figures, ToolFigures
from opta_core.usage.journal_usage import JournalUsage, local_day
from opta_core.usage.usage_count import UsageCount, by_tool, first_day, grouped, total
from opta_core.usage.usage_report import report
from opta_protocol import events as e
from opta_protocol.permissions import Level, Mode, Risk

SID = "abcdef"
# The day of `support.events.TS`, here.
DAY = local_day("2026-01-02T03:04:05.000001Z")
TODAY = datetime.date.fromisoformat(DAY)


def begun(folder: str = "/work", **fields: str) -> e.SessionStart:
    return e.SessionStart(sid=SID, title="", cwd=folder, mode=Mode.do, level=Level.L2, **fields)


def turn(number: int, *steps: e.Event, end: e.Event | None = None) -> list[e.Event]:
    of = {"sid": SID, "turn": f"t{number}"}
    done = e.TurnDone(**of, tokens=0, elapsed=2.5, tokensPerSec=1, tools=0, steps=1, finish="stop")
    named = [msgspec.structs.replace(step, sid=SID, turn=f"t{number}") for step in steps]
    return [e.TurnStart(**of, role="user", text="go", mode=Mode.do, level=Level.L2), *named, end or done]


def step(number: int, model: str = "qwen", attempt: int = 1) -> e.StepStart:
    return e.StepStart(step=number, provider="lmx", model=model, attempt=attempt)


def counted(number: int, tokens: int, prompt: int, cached: int = 0) -> e.StepDone:
    return e.StepDone(step=number, tokens=tokens, promptTokens=prompt, cachedTokens=cached, finish="stop")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "home", tmp_path / "home/daemon")
    made.make()
    return made


def write(paths: Paths, *events: e.Event, sid: str = SID) -> Path:
    file = paths.sessions / f"{sid}.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in journal(*events)))
    return file


def usage(file: Path) -> JournalUsage:
    made = JournalUsage(file)
    made.read()
    return made


def test_tokens_count_for_the_model_that_was_called_and_turns_for_the_last_one(paths: Paths) -> None:
    file = write(paths, begun(), *turn(1, step(1, "small"), counted(1, 10, 100, 40), step(2, "large"), counted(2, 5, 200)))
    assert usage(file).by_model == {
        (DAY, "lmx/small"): Figures(prompt_tokens=100, cached_tokens=40, tokens=10),
        (DAY, "lmx/large"): Figures(turns=1, prompt_tokens=200, tokens=5, seconds=2.5),
    }


def test_tools_are_counted_by_their_results(paths: Paths) -> None:
    calls: list[e.Event] = [
        e.ToolCall(callId="a", name="read_file", args={}, risk=Risk.read, step=1),
        e.ToolCall(callId="b", name="run_command", args={}, risk=Risk.execute, step=1),
        e.ToolResult(callId="a", ok=True, content="", durationMs=500),
        e.ToolResult(callId="b", ok=False, content="", durationMs=1500),
    ]
    found = usage(write(paths, begun(), *turn(1, step(1), *calls, counted(1, 1, 1))))
    assert found.by_tool == {(DAY, "read_file"): ToolFigures(1, 0, 0.5), (DAY, "run_command"): ToolFigures(1, 1, 1.5)}
    assert (found.by_model[DAY, "lmx/qwen"].calls, found.by_model[DAY, "lmx/qwen"].failed) == (2, 1)


def test_what_is_not_known_is_counted_beside_the_figures(paths: Paths) -> None:
    error = e.TurnError(sid=SID, turn="t2", code="provider_failed", message="gone", domain="inference")
    file = write(
        paths,
        begun(),
        # No usage was reported: the tokens are pieces, and the prompt is not known.
        *turn(1, step(1), counted(1, 7, 0)),
        # The first attempt was cut off, the second one failed with its turn.
        *turn(2, step(1), step(1, attempt=2), end=error),
    )
    assert usage(file).by_model[DAY, "lmx/qwen"] == Figures(turns=2, unfinished=1, tokens=7, seconds=2.5, unreported=1, cut=2)


def test_a_fork_counts_nothing_that_its_parent_has_counted(paths: Paths) -> None:
    events = [*turn(1, step(1), counted(1, 1, 10)), *turn(2, step(1), counted(1, 2, 20)), *turn(3, step(1), counted(1, 4, 40))]
    fork = usage(write(paths, begun(parent="other1", parentTurn="t2"), *events))
    assert fork.by_model == {(DAY, "lmx/qwen"): Figures(turns=1, prompt_tokens=40, tokens=4, seconds=2.5)}
    child = usage(write(paths, begun(parent="other1", parentTurn="t2", parentCall="c1"), *events))
    assert child.by_model[DAY, "lmx/qwen"].turns == 3


def test_a_journal_that_grows_is_read_from_where_it_ended(paths: Paths) -> None:
    events = [begun(), *turn(1, step(1), counted(1, 1, 10)), *turn(2, step(1), counted(1, 2, 20))]
    lines = journal(*events)
    file = paths.sessions / f"{SID}.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines[:5]) + lines[5][:20])
    found = usage(file)
    assert found.by_model[DAY, "lmx/qwen"] == Figures(turns=1, prompt_tokens=10, tokens=1, seconds=2.5)
    with open(file, "ab") as handle:
        handle.write(lines[5][20:] + b"\n" + b"".join(line + b"\n" for line in lines[6:]))
    found.read()
    assert found.by_model == usage(file).by_model
    assert found.by_model[DAY, "lmx/qwen"].turns == 2


def test_a_journal_that_was_replaced_is_counted_anew(paths: Paths) -> None:
    file = write(paths, begun(), *turn(1, step(1), counted(1, 1, 10)))
    found = usage(file)
    other = file.with_suffix(".part")
    other.write_bytes(b"".join(line + b"\n" for line in journal(begun("/other"), *turn(1, step(1), counted(1, 9, 90)), *turn(2))))
    other.replace(file)
    found.read()
    assert (found.folder, found.by_model[DAY, "lmx/qwen"].tokens) == ("/other", 9)


def test_damaged_lines_are_left_out(paths: Paths) -> None:
    file = write(paths, begun(), *turn(1, step(1), counted(1, 1, 10)))
    file.write_bytes(b'{"seq":1,"event":"step.done","tokens":"x"}\nnot json\n\n' + file.read_bytes())
    assert usage(file).by_model[DAY, "lmx/qwen"].tokens == 1


def test_groups_leave_out_days_before_the_period(paths: Paths) -> None:
    write(paths, begun("/one"), *turn(1, step(1), counted(1, 1, 10)))
    write(paths, begun("/two"), *turn(1, step(1), counted(1, 2, 20)), sid="ghjkmn")
    usages, unread = UsageCount(paths).since(first_day(1, TODAY))
    assert unread == 0
    by_folder = grouped(usages, first_day(1, TODAY), "folder")
    assert {folder: figures.tokens for folder, figures in by_folder.items()} == {"/one": 1, "/two": 2}
    assert total(by_folder.values()).tokens == 3
    assert set(grouped(usages, first_day(1, TODAY), "session")) == {"s-abcdef", "s-ghjkmn"}
    assert grouped(usages, TODAY + datetime.timedelta(days=1), "day") == {}
    assert by_tool(usages, TODAY) == {}


def test_journals_that_were_not_written_in_the_period_are_not_read(paths: Paths) -> None:
    file = write(paths, begun(), *turn(1, step(1), counted(1, 1, 10)))
    os.utime(file, (0, 0))
    assert UsageCount(paths).since(first_day(7, TODAY)) == ([], 0)


def test_archived_and_deleted_sessions_count_and_unreadable_ones_are_reported(paths: Paths) -> None:
    write(paths, begun(), *turn(1, step(1), counted(1, 1, 10))).rename(paths.trash / f"{SID}.jsonl")
    (paths.archive / "ghjkmn.jsonl").mkdir()
    found = report(UsageCount(paths), 7, TODAY)
    assert (found.sessions, found.unread, found.total.tokens) == (1, 1, 1)


def test_a_report_has_every_day_and_the_most_used_first(paths: Paths) -> None:
    write(paths, begun("/one"), *turn(1, step(1, "small"), counted(1, 1, 10)))
    write(paths, begun("/two"), *turn(1, step(1, "large"), counted(1, 2, 20)), sid="ghjkmn")
    found = report(UsageCount(paths), 7, TODAY)
    assert [day.name for day in found.byDay] == [(TODAY - datetime.timedelta(days=at)).isoformat() for at in reversed(range(7))]
    assert [(day.turns, day.tokens) for day in found.byDay if day.turns] == [(2, 3)]
    assert [group.name for group in found.byFolder] == ["/two", "/one"]
    assert [group.name for group in found.byModel] == ["lmx/large", "lmx/small"]
    assert (found.first, found.last, found.total.turns) == ((TODAY - datetime.timedelta(days=6)).isoformat(), DAY, 2)


def test_counts_that_are_kept_are_bounded(paths: Paths) -> None:
    for sid in ("abcdef", "ghjkmn", "npqrst"):
        write(paths, begun(), *turn(1, step(1), counted(1, 1, 10)), sid=sid)
    count = UsageCount(paths, kept_max=2)
    for _ in range(2):
        usages, _ = count.since(first_day(7, TODAY))
        assert total(grouped(usages, TODAY, "day").values()).tokens == 3
    assert count.kept == 2
