"""Idle processes: common moments, an early end when something happens, and peers that are absent are dialled seldom."""

import asyncio
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from support.limits import limit_s

from opta_core.bus.zmq_bus import ZmqBus
from opta_core.ticks import seconds_to, tick


@given(st.floats(0, 1e7), st.sampled_from([0.2, 0.5, 2.0]))
def test_all_processes_wake_at_the_same_moments(now: float, every_s: float) -> None:
    left_s = seconds_to(now, every_s)
    assert every_s * 0.09 < left_s < every_s * 1.11
    share = (now + left_s) / every_s
    assert share == pytest.approx(round(share), abs=1e-6)


def test_a_tick_ends_at_once_when_an_event_is_set() -> None:
    async def story() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().call_soon(second.set)
        await asyncio.wait_for(tick(3600, first, second), limit_s(5))
        assert not first.is_set()
        # Also when it was set before.
        await asyncio.wait_for(tick(3600, second), limit_s(5))
        await asyncio.wait_for(tick(0.01), limit_s(5))

    asyncio.run(story())


def test_a_publisher_that_may_be_absent_is_dialled_every_two_seconds(tmp_path: Path) -> None:
    async def story() -> None:
        bus = ZmqBus(tmp_path)
        intervals = [
            bus.subscribe("t.some", [b""], lambda _: None, may_be_absent=may_be_absent).zmq.getsockopt(zmq.RECONNECT_IVL_MAX)
            for may_be_absent in (False, True)
        ]
        bus.close()
        assert intervals == [100, 2000]

    asyncio.run(story())
