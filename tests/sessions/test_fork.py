"""A fork is a new session with the history of another one up to a turn: whole or not at all, and the old one stays as it is."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.events import journal
from support.promises import check_journal
from support.store import FailingFiles, House, prompt, start_of

from opta_core.errors import OptaError
from opta_core.fold import fold
from opta_core.transcript import Transcript
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode, Risk
from opta_sessions.fork import forked

SID, NEW = "abcdef", "fedcba"


def here(turn: str) -> dict[str, Any]:
    return {"sid": SID, "turn": turn}


def asked(turn: str, text: str) -> e.TurnStart:
    return e.TurnStart(**here(turn), role="user", text=text, mode=Mode.do, level=Level.L2, key=f"k{turn}", body=text)


def step(turn: str, number: int = 1) -> e.StepStart:
    return e.StepStart(**here(turn), step=number, provider="lmx", model="probe", attempt=1)


def done(turn: str) -> e.TurnDone:
    return e.TurnDone(**here(turn), tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")


LINES = journal(
    e.SessionStart(sid=SID, title="One", cwd="/w", mode=Mode.do, level=Level.L2, trusted=True, folder="1:2"),
    asked("t1", "first"),
    step("t1"),
    e.TurnToken(**here("t1"), delta='Yes, "p":"x","n":1,"c":"00000000"}.'),
    e.ToolCall(**here("t1"), callId="c1", name="run_command", args={"command": f'echo "sid":"{SID}"'}, risk=Risk.execute, step=1),
    e.PermissionRequest(**here("t1"), requestId="r1", callId="c1", name="run_command", args={}, reason="x", rule="", layer="user", expiresAt=""),
    asked("t2", "second, queued"),
    e.TurnQueued(**here("t2"), position=1),
    e.PermissionDecision(**here("t1"), callId="c1", decision="allow", by="client", requestId="r1", scope="session"),
    e.ToolResult(**here("t1"), callId="c1", ok=True, content="ran"),
    done("t1"),
    e.SessionUpdated(sid=SID, changes={"pinned": True}),
    e.SessionUpdated(sid=SID, changes={"title": "Two", "archived": True}),
    step("t2"),
    e.ContextCompacted(**here("t2"), before=10, after=2, summary="s", upTo=2),
    done("t2"),
    e.SessionCleared(sid=SID, upTo=16),
    asked("t3", "third"),
    step("t3"),
)  # fmt: skip


def of(turn: str, **more: Any) -> list[dict[str, Any]]:
    made = forked(LINES, SID, NEW, turn, is_before=more.pop("is_before", False), producer="fork.boot")
    check_journal(made)
    return [json.loads(line) for line in made]


def transcript(lines: list[bytes]) -> Transcript:
    return fold(map(wire.decode, lines))


def test_a_fork_has_the_turns_up_to_the_one_it_names() -> None:
    first = of("t1")
    assert [event["event"] for event in first] == [
        "session.start", "turn.start", "step.start", "turn.token", "tool.call", "permission.request", "permission.decision", "tool.result", "turn.done",
    ]  # fmt: skip
    assert {event["sid"] for event in first} == {NEW} and {event.get("turn", "t1") for event in first} == {"t1"}
    assert [event["seq"] for event in first] == [event["n"] for event in first] == list(range(1, 10))
    assert (first[0]["parent"], first[0]["parentTurn"], first[0]["trusted"], first[0]["folder"]) == (SID, "t1", True, "1:2")
    # What was said is as it was, also where it looks like a field of a line; times too.
    assert first[3]["delta"] == 'Yes, "p":"x","n":1,"c":"00000000"}.' and first[4]["args"] == {"command": f'echo "sid":"{SID}"'}
    assert first[3]["ts"] == json.loads(LINES[3])["ts"]
    # The answer that held for the old session holds for its call only.
    assert first[6].get("scope", "allow") == "allow"
    before = of("t1", is_before=True)
    assert [event["event"] for event in before] == ["session.start"] and "parentTurn" not in before[0]


def test_places_in_the_history_are_those_of_the_new_numbers() -> None:
    second = of("t2")
    assert [event["changes"] for event in second if event["event"] == "session.updated"] == [{"title": "Two"}]
    (compacted,) = [event for event in second if event["event"] == "context.compacted"]
    assert second[compacted["upTo"] - 1]["text"] == "first"
    third = of("t3", is_before=True)
    (cleared,) = [event for event in third if event["event"] == "session.cleared"]
    assert third[cleared["upTo"] - 1]["event"] == "turn.done" and third[cleared["upTo"] - 1]["turn"] == "t2"


def test_a_turn_that_runs_or_is_not_there_is_no_place_for_a_fork() -> None:
    for turn, is_before, code in (("t3", False, ErrorCode.busy), ("t9", False, ErrorCode.not_found), ("", True, ErrorCode.not_found)):
        with pytest.raises(OptaError) as refused:
            of(turn, is_before=is_before)
        assert refused.value.code is code


def test_the_store_makes_a_fork_once_and_the_old_session_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID, "one"))
        await house.agent.written(e.TurnToken(**here("t1"), delta="x"))
        await house.agent.written(done("t1"))
        await house.gateway.written(prompt(SID, "two"))
        before = house.local.journal(SID)
        first = await house.client.fork(SID, NEW, "t1", is_before=False)
        again = await house.client.fork(SID[:3], NEW, "t1", is_before=False)
        assert (first.id, first.parent, first.parentTurn, first.title, first.turns) == (NEW, SID, "t1", "one (fork)", 1)
        assert again == first and house.local.journal(SID) == before
        check_journal(house.local.journal(NEW))
        # Before its first prompt it has no title, and is named after the old one.
        assert (await house.client.fork(SID, "aaaaaa", "t1", is_before=True)).title == "one (fork)"
        assert (await house.client.fork(NEW, "bbbbbb", "t1", is_before=False)).title == "one (fork)"
        # It takes events of the processes that wrote its history, and of others.
        accepted = await house.gateway.written(prompt(NEW, "three"))
        assert (accepted.turn, accepted.status) == ("t2", "written")
        assert (await house.agent.written(e.TurnToken(sid=NEW, turn="t2", delta="y"))).status == "written"
        await house.agent.written(done("t2"))
        house.local.restart()
        assert {session.id: session.parent for session in (await house.client.sessions()).sessions} == {
            SID: "",
            NEW: SID,
            "aaaaaa": SID,
            "bbbbbb": NEW,
        }
        turns = transcript(house.local.journal(NEW)).turns
        assert [turn.text for turn in turns] == ["one", "three"]
        with pytest.raises(OptaError) as taken:
            await house.client.fork(NEW, SID, "t1", is_before=False)
        assert taken.value.code is ErrorCode.conflict
        for new in ("../../x", "", "ABCDEF"):
            with pytest.raises(OptaError):
                await house.client.fork(SID, new, "t1", is_before=False)
        house.close()

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_fork_that_the_disk_does_not_take_leaves_nothing(tmp_path: Path, kind: str) -> None:
    class Full(FailingFiles):
        is_full = False

        def write(self, descriptor: int, content: bytes) -> int:
            if self.is_full and kind == "write":
                raise OSError(28, "No space left on device")
            return super().write(descriptor, content)

        def sync(self, descriptor: int) -> None:
            if self.is_full and kind == "sync":
                raise OSError(28, "No space left on device")
            super().sync(descriptor)

    async def story() -> None:
        files = Full()
        house = House(tmp_path, files)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID, "one"))
        await house.agent.written(done("t1"))
        files.is_full = True
        with pytest.raises(OptaError) as refused:
            await house.client.fork(SID, NEW, "t1", is_before=False)
        assert refused.value.message == f"s-{SID} was not forked: No space left on device."
        assert [file.name for file in (tmp_path / "sessions").glob(f"*{NEW}*")] == []
        files.is_full = False
        assert (await house.client.fork(SID, NEW, "t1", is_before=False)).turns == 1
        house.close()

    asyncio.run(story())
