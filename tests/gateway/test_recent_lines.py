"""Recent lines in memory: bounded, and kept while a client reads them."""

import asyncio
from pathlib import Path

from support.limits import limit_s
from support.store import House, start_of

from opta_gateway.recent_lines import RecentLines
from opta_gateway.store_access import RINGS_UNUSED_MAX, StoreAccess
from opta_gateway.stream import SessionCursor
from opta_protocol.events import SessionNote
from opta_protocol.ids import new_session_id

CLIENTS = 40


def test_clients_that_come_in_one_moment_all_stay_live(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        access = StoreAccess(house.bus, "gate1111")
        sids = [new_session_id() for _ in range(CLIENTS)]
        for sid in sids:
            await house.gateway.written(start_of(sid))

        async def cursor_of(sid: str) -> SessionCursor:
            return SessionCursor(await access.ring(await access.session(sid)), 1)

        cursors = await asyncio.gather(*map(cursor_of, sids))
        nexts = [asyncio.ensure_future(anext(cursor.frames())) for cursor in cursors]
        await asyncio.sleep(0)
        for sid in sids:
            await house.gateway.written(SessionNote(sid=sid, text="hello"))
        async with asyncio.timeout(limit_s(5)):
            found = await asyncio.gather(*nexts)
        assert all(b'"text":"hello"' in lines[0] for lines in found)
        for cursor in cursors:
            cursor.close()
        another = new_session_id()
        await house.gateway.written(start_of(another))
        await access.ring(await access.session(another))
        assert len(access.rings) <= RINGS_UNUSED_MAX + 1
        house.close()

    asyncio.run(story())


def test_recent_lines_are_bounded_in_number_and_bytes() -> None:
    recent = RecentLines(100, 1000)
    recent.extend([b"x"] * 250)
    assert len(recent) == 100
    recent.extend([b"y" * 400] * 5)
    assert len(recent) == 2
    recent.extend([b"z" * 5000])
    assert recent.newest(1, 10) == [b"z" * 5000]
