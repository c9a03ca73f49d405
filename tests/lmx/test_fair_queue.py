"""Whose request goes to the engine next."""

import asyncio

import pytest

from opta_core.errors import OptaError
from opta_lmx.engine_client.fair_queue import REQUESTS_A_CLIENT_MAX, REQUESTS_MAX, SLOTS, FairQueue, Slot


async def settle() -> None:
    """Let everything under way on the loop happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_clients_that_wait_get_slots_in_turn_and_the_greedy_one_is_refused() -> None:
    async def run() -> None:
        fair_queue, order = FairQueue(), list[str]()

        async def ask(client: str) -> Slot:
            slot = await fair_queue.enter(client)
            order.append(client)
            return slot

        greedy = [asyncio.create_task(ask("a")) for _ in range(REQUESTS_A_CLIENT_MAX)]
        await settle()
        with pytest.raises(OptaError, match="48 of them from this client"):
            await fair_queue.enter("a")
        others = [asyncio.create_task(ask("b")) for _ in range(REQUESTS_MAX - REQUESTS_A_CLIENT_MAX)]
        await settle()
        with pytest.raises(OptaError, match="64 requests are waiting"):
            await fair_queue.enter("c")
        for task in greedy[:4]:
            task.result().leave()
            task.result().leave()
        await settle()
        assert order == ["a"] * SLOTS + ["a", "b", "a", "b"]
        assert len(fair_queue) == REQUESTS_MAX - 4
        for task in (*greedy, *others):
            task.cancel()
        await asyncio.gather(*greedy, *others, return_exceptions=True)

    asyncio.run(run())


def test_who_gives_up_waiting_takes_no_slot_along_whenever_that_is() -> None:
    async def run() -> None:
        fair_queue = FairQueue()
        at_work = [await fair_queue.enter("a") for _ in range(SLOTS)]
        waiting = [asyncio.create_task(fair_queue.enter(client)) for client in "abab"]
        await settle()
        at_work[0].leave()  # the first has its slot and gives up before it knows
        waiting[0].cancel()
        waiting[1].cancel()  # the second gives up, and a slot comes free before it has left
        at_work[1].leave()
        await settle()
        slots = [*at_work[2:], waiting[2].result(), waiting[3].result()]
        assert len(fair_queue) == len(slots) == SLOTS
        for slot in slots:
            slot.leave()
        assert len(fair_queue) == 0
        assert [(await fair_queue.enter("c")).is_held for _ in range(SLOTS)] == [True] * SLOTS

    asyncio.run(run())
