"""What the store accepts about a turn that waits or runs: words for it, a pause, and other words for one that waits."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
from support.store import House, prompt, start_of

from opta_protocol import events as e
from opta_protocol.commands import AppendResult
from opta_protocol.control_events import SteerText
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

SID = "abcdef"
T1 = {"sid": SID, "turn": "t1"}


def done(turn: str = "t1", finish: Any = "stop") -> e.TurnDone:
    return e.TurnDone(sid=SID, turn=turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish=finish)


def step(number: int, *steers: tuple[str, str], attempt: int = 1) -> e.StepStart:
    read = [SteerText(id=id_, text=text) for id_, text in steers]
    return e.StepStart(**T1, step=number, provider="lmx", model="probe", attempt=attempt, steers=read)


def steer(id_: str, text: str, turn: str = "t1", **more: Any) -> e.TurnSteer:
    return e.TurnSteer(sid=SID, turn=turn, steerId=id_, text=text, **more)


class Running(House):
    """A session with a running turn and a waiting one."""

    async def begin(self) -> None:
        await self.gateway.written(start_of(SID))
        await self.gateway.written(prompt(SID, "one"))
        await self.gateway.written(prompt(SID, "two"))
        await self.agent.written(step(1))

    async def refused(self, event: e.Event) -> tuple[ErrorCode, str]:
        result = await self.gateway.written(event)
        assert result.error is not None, result
        return result.error.code, result.error.message

    async def ask(self, event: e.Event) -> AppendResult:
        return await self.gateway.written(event)

    def names(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.local.journal(SID)]

    def last(self, name: str) -> dict[str, Any]:
        return next(event for event in map(json.loads, reversed(self.local.journal(SID))) if event["event"] == name)


def test_words_wait_change_go_and_are_read(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        assert (await house.ask(steer("a", "first"))).status == "written"
        # The same request again, after a lost answer; and its key for other words.
        assert (await house.ask(steer("a", "first"))).status == "known"
        assert (await house.refused(steer("a", "other")))[0] is ErrorCode.invalid
        assert (await house.ask(steer("a", "better", isEdit=True))).status == "written"
        assert (await house.ask(steer("b", "second"))).status == "written"
        assert (await house.ask(steer("b", "", isEdit=True))).status == "written"
        assert await house.refused(steer("b", "x", isEdit=True)) == (
            ErrorCode.not_found,
            "There is no message 'b' that waits in t1: it was removed.",
        )
        # The model read what was there before the change: the change waits on.
        await house.agent.written(step(2, ("a", "first")))
        assert (await house.ask(steer("a", "best", isEdit=True))).status == "written"
        await house.agent.written(step(3, ("a", "best")))
        assert await house.refused(steer("a", "late", isEdit=True)) == (ErrorCode.conflict, "The model has read this message already.")
        assert (await house.ask(steer("a", "first"))).status == "known"
        house.local.restart()
        assert (await house.refused(steer("a", "late", isEdit=True)))[0] is ErrorCode.conflict
        house.close()

    asyncio.run(story())


def test_words_for_a_turn_that_waits_or_has_ended_are_refused(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        assert await house.refused(steer("a", "x", "t2")) == (
            ErrorCode.conflict,
            "t2 waits for the turns before it. Change or remove it instead.",
        )
        assert (await house.refused(steer("a", "x", "t9")))[0] is ErrorCode.conflict
        await house.ask(e.TurnStopping(**T1, by="client"))
        assert await house.refused(steer("a", "x")) == (ErrorCode.conflict, "t1 is being stopped.")
        await house.agent.written(e.SessionCancelled(**T1, reason="Stopped by the user.", by="client"))
        assert await house.refused(steer("a", "x")) == (ErrorCode.conflict, f"t1 of s-{SID} has ended.")
        house.close()

    asyncio.run(story())


def test_words_that_come_as_the_turn_ends_begin_the_next_turn(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        await house.ask(steer("a", "one thing"))
        await house.ask(steer("b", "and another"))
        await house.agent.written(done())
        started = house.last("turn.start")
        assert (started["turn"], started["text"], started["mode"]) == ("t3", "one thing\n\nand another", "do")
        assert house.names()[-2:] == ["turn.done", "turn.start"]
        # Behind the turn that waited before.
        assert (await house.client.session(SID)).activeTurn == "t2"
        house.local.restart()
        assert (await house.client.session(SID)).activeTurn == "t2"
        house.close()

    asyncio.run(story())


def test_words_that_come_as_a_plan_ends_begin_a_turn_that_plans_too(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(e.TurnStart(sid=SID, role="user", text="plan", mode=Mode.plan, level=Level.L1, model="small"))
        await house.agent.written(step(1))
        await house.gateway.written(steer("a", "and mind the tests"))
        # What a person sets while the turn runs counts for the next one.
        await house.gateway.written(e.SessionUpdated(sid=SID, changes={"model": "large"}))
        await house.agent.written(done())
        started = [event for event in map(json.loads, house.local.journal(SID)) if event["event"] == "turn.start"]
        assert [(each["mode"], each["level"], each.get("model", "")) for each in started] == [
            ("plan", "L1", "small"),
            ("plan", "L1", "large"),
        ]
        house.close()

    asyncio.run(story())


def test_a_plan_is_carried_out_by_one_turn_at_a_time(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        accepted = e.TurnStart(sid=SID, role="user", text="do it", mode=Mode.do, level=Level.L2, fromPlan="t1", key="a")
        assert (await house.ask(accepted)).turn == "t3"
        # The same request again is the same turn; that of another client is refused.
        assert (await house.ask(accepted)).turn == "t3"
        other = msgspec.structs.replace(accepted, key="b")
        assert await house.refused(other) == (ErrorCode.conflict, "The plan of t1 was accepted already: t3 carries it out.")
        house.local.restart()
        assert (await house.refused(other))[0] == ErrorCode.conflict
        await house.agent.written(done("t1"))
        await house.agent.written(done("t2"))
        await house.agent.written(done("t3"))
        assert (await house.ask(other)).turn == "t4"
        house.close()

    asyncio.run(story())


def test_words_that_a_stopped_or_limited_turn_did_not_read_begin_no_turn(tmp_path: Path) -> None:
    async def story() -> None:
        for number, ending in enumerate((done(finish="steps"), e.SessionCancelled(**T1, reason="x", by="client"))):
            (tmp_path / str(number)).mkdir()
            house = Running(tmp_path / str(number))
            await house.begin()
            await house.ask(steer("a", "one thing"))
            await house.agent.written(ending)
            assert house.names().count("turn.start") == 2
            house.close()

    asyncio.run(story())


def test_a_pause_is_asked_for_once_and_ends_once(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        resumed = e.TurnResumed(**T1, by="client")
        assert await house.refused(resumed) == (ErrorCode.conflict, "t1 is not paused.")
        assert (await house.refused(e.TurnPausing(sid=SID, turn="t2", by="client")))[0] is ErrorCode.conflict
        assert (await house.ask(e.TurnPausing(**T1, by="client"))).status == "written"
        assert (await house.ask(e.TurnPausing(**T1, by="client"))).status == "known"
        for status in ("written", "known"):
            assert (await house.agent.written(e.TurnPaused(**T1, step=2))).status == status
        assert (await house.client.session(SID)).state == "paused"
        house.local.restart()
        assert (await house.client.session(SID)).state == "paused"
        assert (await house.ask(resumed)).status == "written"
        # An agent that comes to its safe point after the pause has ended does not pause.
        assert (await house.agent.written(e.TurnPaused(**T1, step=2))).status == "known"
        assert (await house.client.session(SID)).state == "running"
        assert (await house.refused(resumed))[0] is ErrorCode.conflict
        house.close()

    asyncio.run(story())


def test_a_turn_that_waits_gets_another_prompt_until_it_begins(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        edited = e.TurnEdited(sid=SID, turn="t2", text="two, but better")
        assert (await house.ask(edited)).status == "written"
        assert await house.refused(e.TurnEdited(**T1, text="x")) == (
            ErrorCode.conflict,
            "t1 has begun. Add words to it instead (steer).",
        )
        await house.agent.written(done())
        assert (await house.refused(edited))[0] is ErrorCode.conflict
        house.close()

    asyncio.run(story())


def test_so_many_words_wait_and_no_more(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        for number in range(50):
            assert (await house.ask(steer(str(number), "x"))).status == "written"
        assert (await house.refused(steer("more", "x")))[0] is ErrorCode.busy
        assert (await house.ask(steer("7", "", isEdit=True))).status == "written"
        assert (await house.ask(steer("more", "x"))).status == "written"
        house.close()

    asyncio.run(story())


def test_the_same_pause_and_the_same_end_of_it_count_once(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        for key in ("1", "2"):
            for event in (e.TurnPausing(**T1, by="client", key=f"p{key}"), e.TurnResumed(**T1, by="client", key=f"r{key}")):
                assert (await house.ask(event)).status == "written"
                house.local.restart()
                assert (await house.ask(event)).status == "known"
        # A late copy of an earlier request pauses nothing.
        assert (await house.ask(e.TurnPausing(**T1, by="client", key="p1"))).status == "known"
        assert [house.names().count(name) for name in ("turn.pausing", "turn.resumed")] == [2, 2]
        house.close()

    asyncio.run(story())


def test_an_undo_is_noted_once_its_turn_has_ended_also_beside_another_turn(tmp_path: Path) -> None:
    async def story() -> None:
        house = Running(tmp_path)
        await house.begin()
        undone = e.TurnUndone(**T1, files=["a.py"])
        assert (await house.refused(undone))[0] is ErrorCode.busy
        await house.agent.written(done())
        # The next turn runs already: the files are changed, so it is a fact.
        assert (await house.ask(undone)).status == "written"
        assert (await house.refused(e.TurnRedone(sid=SID, turn="t2", files=["a.py"])))[0] is ErrorCode.busy

    asyncio.run(story())
