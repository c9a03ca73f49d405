"""The trash and the archive: what is in them, and a way back that is whole or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.oracles import until_async
from support.store import House, prompt, start_of

from opta_core.bus.outbox import Outbox
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.error_info import ErrorCode

SID, CHILD = "abcdef", "fedcba"
PLAIN, PINNED, STORED = "aaaaaa", "bbbbbb", "cccccc"


def run(folder: Path, story: Callable[[House], Awaitable[None]]) -> None:
    async def whole() -> None:
        house = House(folder)
        try:
            await story(house)
        finally:
            house.close()

    asyncio.run(whole())


async def put_away(house: House, sid: str, change: str = "trashed") -> None:
    await house.gateway.written(e.SessionUpdated(sid=sid, changes={change: True}))


async def moved(house: House, sid: str, where: str = "trash") -> None:
    assert await until_async((house.local.folder / where / f"{sid}.jsonl").exists)


async def listed(house: House) -> list[str]:
    return [session.id for session in (await house.client.sessions()).sessions]


@pytest.mark.parametrize(("change", "where"), [("trashed", "trash"), ("pruned", "archive")])
def test_a_session_comes_back_as_it_was_and_can_go_on(tmp_path: Path, change: str, where: str) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        await house.gateway.written(e.SessionUpdated(sid=SID, changes={"title": "kept"}))
        await put_away(house, SID, change)
        assert await listed(house) == []
        await moved(house, SID, where)
        before = (house.local.folder / where / f"{SID}.jsonl").read_bytes()
        page = await house.client.put_away(where)  # type: ignore[arg-type]
        assert [(session.id, session.title) for session in page.sessions] == [(SID, "kept")]
        restored = await house.client.restore(SID)
        assert (restored.id, restored.title) == (SID, "kept")
        assert await listed(house) == [SID]
        assert (await house.client.put_away(where)).sessions == []  # type: ignore[arg-type]
        await house.gateway.written(prompt(SID))
        house.local.restart()
        assert await listed(house) == [SID]
        assert b"".join(line + b"\n" for line in house.local.journal(SID)).startswith(before)

    run(tmp_path, story)


def test_what_is_restored_before_its_journal_was_moved_stays(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        await put_away(house, SID)
        assert (await house.client.restore(SID)).id == SID
        await put_away(house, SID)
        await house.client.restore(SID)
        # Longer than the store waits before it moves a journal.
        assert not await until_async((tmp_path / "trash" / f"{SID}.jsonl").exists, 1.5)
        assert await listed(house) == [SID]

    run(tmp_path, story)


def test_who_put_it_away_hears_so_also_from_the_next_store(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        await put_away(house, SID)
        await moved(house, SID)
        house.local.restart()
        # The acknowledgement died with the first store, so the same events are sent again.
        house.gateway.close()
        house.gateway = Outbox(house.bus, "gateway", "gate0000")
        trashed = e.SessionUpdated(sid=SID, changes={"trashed": True})
        said = [(await house.gateway.written(trashed)).status for _ in range(3)]
        # The journal has two events of the gateway; a third one is refused.
        assert said == ["written", "written", "refused"]

    run(tmp_path, story)


def test_a_store_that_dies_in_the_middle_of_a_restore_leaves_the_session_in_the_trash(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        await put_away(house, SID)
        await moved(house, SID)
        house.local.store.catalog.bring_back(SID, "trash")
        house.local.restart()
        assert await listed(house) == []
        assert (await house.client.restore(SID)).id == SID

    run(tmp_path, story)


def test_sub_agents_go_and_come_with_their_session(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        start = start_of(CHILD)
        await house.gateway.written(
            e.SessionStart(
                sid=CHILD, title="", cwd=start.cwd, mode=start.mode, level=start.level, parent=SID, parentTurn="t1", parentCall="c1"
            )
        )
        for sid in (CHILD, SID):
            await put_away(house, sid)
            await moved(house, sid)
        assert [session.id for session in (await house.client.put_away("trash")).sessions] == [SID]
        await house.client.restore(SID)
        assert [session.id for session in (await house.client.sessions(parent=SID)).sessions] == [CHILD]
        assert not list((tmp_path / "trash").glob("*.jsonl"))

    run(tmp_path, story)


def test_pages_of_the_trash_have_each_session_once(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        sids = [f"abcde{letter}" for letter in "fghijkl"]
        for sid in sids:
            await house.gateway.written(start_of(sid))
            await put_away(house, sid)
        for sid in sids:
            await moved(house, sid)
        found: list[str] = []
        cursor = ""
        while True:
            page = await house.client.put_away("trash", 3, cursor)
            found += [session.id for session in page.sessions]
            if page.nextCursor is None:
                break
            cursor = page.nextCursor
        assert sorted(found) == sids

    run(tmp_path, story)


@pytest.mark.parametrize(("name", "code"), [("zzzzzz", ErrorCode.not_found), ("../x", ErrorCode.bad_request), ("", ErrorCode.bad_request)])
def test_what_is_not_there_cannot_be_restored(tmp_path: Path, name: str, code: ErrorCode) -> None:
    async def story(house: House) -> None:
        with pytest.raises(OptaError) as refused:
            await house.client.restore(name)
        assert refused.value.code == code

    run(tmp_path, story)


def test_lists_can_leave_out_what_is_archived_and_ask_for_what_is_pinned(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for sid in (PLAIN, PINNED, STORED):
            await house.gateway.written(start_of(sid))
        await house.gateway.written(e.SessionUpdated(sid=PINNED, changes={"pinned": True}))
        await house.gateway.written(e.SessionUpdated(sid=STORED, changes={"archived": True}))

        async def ids(**asked: bool) -> list[str]:
            return sorted(session.id for session in (await house.client.sessions(**asked)).sessions)  # type: ignore[arg-type]

        assert await ids() == sorted([PLAIN, PINNED, STORED])
        assert await ids(archived=False) == sorted([PLAIN, PINNED])
        assert await ids(archived=True) == [STORED]
        assert await ids(pinned=True) == [PINNED]

    run(tmp_path, story)


def test_a_session_names_the_event_that_ended_its_last_turn(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        assert (await house.client.session(SID)).endedSeq == 0
        turn = (await house.gateway.written(prompt(SID))).turn
        await house.gateway.written(e.SessionCancelled(sid=SID, turn=turn, reason="enough", by="client"))
        ended = (await house.client.session(SID)).endedSeq
        assert ended == (await house.client.session(SID)).lastSeq
        await house.gateway.written(e.SessionUpdated(sid=SID, changes={"title": "renamed"}))
        house.local.restart()
        assert (await house.client.session(SID)).endedSeq == ended

    run(tmp_path, story)
