"""The outbox beside a store that loses messages, in virtual time: what was lost is sent again, also while new events are appended."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from simulation.clock import VirtualLoop

from opta_agent.session import AgentSession
from opta_agent.toolbox import WorkerToolbox
from opta_core.bus.bus import Frames, LocalBus
from opta_core.bus.outbox import Outbox
from opta_protocol import wire
from opta_protocol.commands import Ack, Append
from opta_protocol.events import ToolCall, ToolResult, TurnToken
from opta_protocol.permissions import Risk
from opta_protocol.topics import STORE_IN

SID, OTHER = "abcdef", "fedcba"
# 100 tokens a second.
PACE_S = 0.01


class LossyStore:
    """Takes what comes next, reports gaps, and loses everything while `is_down`."""

    def __init__(self, bus: LocalBus):
        self._router = bus.router(STORE_IN, self._on_append)
        self._loop = asyncio.get_running_loop()
        self.boot, self.is_down = "one", False
        self.taken: dict[str, list[bytes]] = {}
        self.taken_at: list[float] = []
        self.begun_at: list[float] = []

    def _on_append(self, peer: bytes, frames: Frames) -> None:
        head = msgspec.json.decode(frames[0], type=Append)
        if head.n == 1:
            self.begun_at.append(round(self._loop.time(), 1))
        if self.is_down:
            return
        known = self.taken.setdefault(head.sid, [])
        if head.n <= len(known) + 1:
            new = frames[1 + len(known) + 1 - head.n :]
            known += new
            self.taken_at += [self._loop.time()] * len(new)
        self._router.send(peer, [msgspec.json.encode(Ack(p=head.p, sid=head.sid, n=len(known), boot=self.boot))])


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a story in virtual time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(None)
    try:
        loop.run_until_complete(story)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def token(number: int, sid: str = SID) -> TurnToken:
    return TurnToken(sid=sid, turn="t1", delta=f"{number} ")


async def speak(box: Outbox, first: int, last: int) -> None:
    """A producer that never pauses for longer than one token."""
    for number in range(first, last):
        box.append(token(number))
        await asyncio.sleep(PACE_S)


def test_a_producer_that_never_pauses_sends_again_what_a_killed_store_lost() -> None:
    async def story() -> None:
        bus = LocalBus()
        store = LossyStore(bus)
        box = Outbox(bus, "agent", "a")
        await speak(box, 0, 50)
        store.is_down = True
        await speak(box, 50, 80)
        store.is_down, store.boot = False, "two"
        back_at = asyncio.get_running_loop().time()
        await speak(box, 80, 300)
        assert store.taken[SID] == [wire.encode_body(token(number)) for number in range(300)]
        first = min(at for at in store.taken_at if at >= back_at)
        assert first - back_at <= 2 * PACE_S
        box.close()

    play(story())


def test_events_lost_without_a_restart_come_again_too() -> None:
    async def story() -> None:
        bus = LocalBus()
        store = LossyStore(bus)
        box = Outbox(bus, "agent", "a")
        await speak(box, 0, 50)
        store.is_down = True
        await speak(box, 50, 53)
        store.is_down = False
        back_at = asyncio.get_running_loop().time()
        await speak(box, 53, 100)
        assert min(at for at in store.taken_at if at >= back_at) - back_at <= 2 * PACE_S
        await box.drained(1)
        assert store.taken[SID] == [wire.encode_body(token(number)) for number in range(100)]
        box.close()

    play(story())


def test_a_silent_store_is_asked_again_while_the_producer_goes_on_and_more_rarely_each_time() -> None:
    async def story() -> None:
        bus = LocalBus()
        store = LossyStore(bus)
        store.is_down = True
        box = Outbox(bus, "agent", "a")
        await speak(box, 0, 1000)
        first, *again = store.begun_at
        pauses = [round(after - before, 1) for before, after in itertools.pairwise([first, *again])]
        assert pauses[0] == pytest.approx(0.5, abs=0.2)
        assert pauses == sorted(pauses)
        assert pauses[-1] == pytest.approx(2.0, abs=0.2)
        store.is_down = False
        await asyncio.sleep(2.2)
        assert len(store.taken[SID]) == 1000
        box.close()

    play(story())


def test_a_session_that_is_silent_is_sent_again_as_soon_as_another_one_meets_the_new_store() -> None:
    async def story() -> None:
        bus = LocalBus()
        store = LossyStore(bus)
        box = Outbox(bus, "agent", "a")
        await speak(box, 0, 10)
        store.is_down = True
        result = asyncio.create_task(box.written(token(0, OTHER)))
        await asyncio.sleep(0.1)
        store.is_down, store.boot = False, "two"
        back_at = asyncio.get_running_loop().time()
        await speak(box, 10, 12)
        assert (await result).status == "written"
        assert asyncio.get_running_loop().time() - back_at <= 3 * PACE_S
        box.close()

    play(story())


def test_calls_that_begin_do_not_hide_that_the_tool_worker_is_gone() -> None:
    async def story() -> None:
        bus = LocalBus()
        store = LossyStore(bus)
        box = Outbox(bus, "agent", "a")
        toolbox = WorkerToolbox(bus, box)
        session = AgentSession(SID, "agent.a")
        runs: list[asyncio.Task[ToolResult]] = []
        begun_at: list[float] = []
        for number in range(10):
            call = ToolCall(sid=SID, turn="t1", callId=f"c{number}", name="read_file", args={}, risk=Risk.read, step=1)
            begun_at.append(asyncio.get_running_loop().time())
            runs.append(asyncio.create_task(toolbox.run(session, call)))
            await asyncio.sleep(0.5)
        await asyncio.sleep(2.2)
        # Every call waits its own two seconds, not until no call has begun for two seconds.
        waits = [lost_at - began_at for began_at, lost_at in zip(begun_at, store.taken_at, strict=True)]
        assert max(waits) <= 2.1
        session.take(1, [wire.stamp(body, seq, "", "agent.a", seq) for seq, body in enumerate(store.taken[SID], 1)])
        assert [(result.callId, result.code) for result in await asyncio.gather(*runs)] == [(f"c{n}", "worker_lost") for n in range(10)]
        box.close()

    play(story())
