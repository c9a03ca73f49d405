"""Turns of sub-agents follow the turn that started them, whatever was killed in between; and they are listed when their parent is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.oracles import until_async
from support.store import House, prompt, settle, start_of

from opta_protocol.control_events import TurnStopping
from opta_protocol.events import SessionStart, SessionUpdated, TurnDone, TurnError, TurnStart
from opta_protocol.permissions import Level, Mode

PARENT, CHILD = "abcdef", "cdefab"


async def begin(house: House) -> None:
    """A parent whose turn runs, and its sub-agent."""
    await house.gateway.written(start_of(PARENT))
    await house.gateway.written(prompt(PARENT))
    where = {"parent": PARENT, "parentTurn": "t1", "parentCall": "c1"}
    await house.agent.written(SessionStart(sid=CHILD, title="part", cwd="/", mode=Mode.do, level=Level.L2, depth=1, **where))
    await house.agent.written(TurnStart(sid=CHILD, role="agent", text="x", mode=Mode.do, level=Level.L2, key="agent c1", body="agent"))


def play(folder: Path, story: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = House(folder)
        try:
            await begin(house)
            await story(house)
        finally:
            house.close()

    asyncio.run(main())


def stops(house: House) -> list[bytes]:
    return [line for line in house.local.journal(CHILD) if b'"event":"turn.stopping"' in line]


def test_however_the_parent_ends_its_sub_agents_are_stopped_once(tmp_path: Path) -> None:
    done = TurnDone(sid=PARENT, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")
    failed = TurnError(sid=PARENT, turn="t1", code="broken", message="m", domain="tool")
    for number, ending in enumerate((done, failed, TurnStopping(sid=PARENT, turn="t1", by="client"))):
        folder = tmp_path / str(number)
        folder.mkdir()

        async def story(house: House, ending: TurnDone | TurnError | TurnStopping = ending) -> None:
            await house.agent.written(ending)
            await settle()
            for _ in range(3):
                house.local.store.children.check()
                house.local.restart()
            assert len(stops(house)) == 1 and b'"by":"parent"' in stops(house)[0]

        play(folder, story)


def test_a_sub_agent_that_is_begun_after_its_parent_ended_is_stopped(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.agent.written(TurnDone(sid=PARENT, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
        late = {"parent": PARENT, "parentTurn": "t1", "parentCall": "c2"}
        await house.agent.written(SessionStart(sid="defabc", title="late", cwd="/", mode=Mode.do, level=Level.L2, depth=1, **late))
        await house.agent.written(
            TurnStart(sid="defabc", role="agent", text="x", mode=Mode.do, level=Level.L2, key="agent c2", body="agent")
        )
        await settle()
        assert any(b'"event":"turn.stopping"' in line for line in house.local.journal("defabc"))

    play(tmp_path, story)


def test_the_turns_that_a_person_begins_in_a_sub_agent_are_not_stopped(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.agent.written(TurnDone(sid=CHILD, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
        await house.gateway.written(prompt(CHILD, "more"))
        await house.agent.written(TurnDone(sid=PARENT, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
        await settle()
        assert not stops(house)

    play(tmp_path, story)


def test_a_sub_agent_whose_parent_is_gone_is_listed_by_itself(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        assert [session.id for session in (await house.client.sessions()).sessions] == [PARENT]
        await house.agent.written(TurnDone(sid=PARENT, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
        await house.gateway.written(SessionUpdated(sid=PARENT, changes={"trashed": True}))
        assert await until_async(lambda: not house.local.store.catalog.has(PARENT), 10)
        assert [session.id for session in (await house.client.sessions()).sessions] == [CHILD]

    play(tmp_path, story)
