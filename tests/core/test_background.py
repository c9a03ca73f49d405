"""Every background task has an owner."""

import asyncio
import gc

import pytest
from support.store import settle

from opta_core.background import Background


def test_every_task_runs_to_its_end_though_nobody_else_holds_it() -> None:
    async def story() -> None:
        background, done = Background(), []
        gate = asyncio.Event()

        async def work(number: int) -> None:
            await gate.wait()
            done.append(number)

        for number in range(3):
            background.start(work(number), f"work {number}")
        gc.collect()
        gate.set()
        await settle()
        assert done == [0, 1, 2]

    asyncio.run(story())


def test_what_still_runs_ends_with_its_owner() -> None:
    async def story() -> None:
        background, ended = Background(), asyncio.Event()

        async def forever() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        background.start(forever(), "forever")
        await asyncio.sleep(0)
        await background.close()
        assert ended.is_set()
        assert len(background) == 0

    asyncio.run(story())


def test_a_failure_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        background = Background()

        async def fail() -> None:
            raise OSError("no disk")

        background.start(fail(), "failing work")
        await settle()

    asyncio.run(story())
    (record,) = caplog.records
    assert "failing work" in str(vars(record))
    assert "no disk" in str(vars(record))
