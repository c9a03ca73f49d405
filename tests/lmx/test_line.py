"""Whose request goes to the engine next."""

import asyncio

import pytest

from opta_core.errors import OptaError
from opta_lmx.line import PLACES_A_CLIENT_MAX, PLACES_MAX, SLOTS, Line, Place


async def settle() -> None:
    """Let everything under way on the loop happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_clients_that_wait_get_slots_in_turn_and_the_greedy_one_is_refused() -> None:
    async def run() -> None:
        line, order = Line(), list[str]()

        async def ask(client: str) -> Place:
            place = await line.enter(client)
            order.append(client)
            return place

        greedy = [asyncio.create_task(ask("a")) for _ in range(PLACES_A_CLIENT_MAX)]
        await settle()
        with pytest.raises(OptaError, match="48 of them from this client"):
            await line.enter("a")
        others = [asyncio.create_task(ask("b")) for _ in range(PLACES_MAX - PLACES_A_CLIENT_MAX)]
        await settle()
        with pytest.raises(OptaError, match="64 requests are waiting"):
            await line.enter("c")
        for task in greedy[:4]:
            task.result().leave()
            task.result().leave()
        await settle()
        assert order == ["a"] * SLOTS + ["a", "b", "a", "b"]
        assert len(line) == PLACES_MAX - 4
        for task in (*greedy, *others):
            task.cancel()
        await asyncio.gather(*greedy, *others, return_exceptions=True)

    asyncio.run(run())


def test_who_gives_up_waiting_takes_no_slot_along_whenever_that_is() -> None:
    async def run() -> None:
        line = Line()
        at_work = [await line.enter("a") for _ in range(SLOTS)]
        waiting = [asyncio.create_task(line.enter(client)) for client in "abab"]
        await settle()
        at_work[0].leave()  # the first has its slot and gives up before it knows
        waiting[0].cancel()
        waiting[1].cancel()  # the second gives up, and a slot comes free before it has left
        at_work[1].leave()
        await settle()
        places = [*at_work[2:], waiting[2].result(), waiting[3].result()]
        assert len(line) == len(places) == SLOTS
        for place in places:
            place.leave()
        assert len(line) == 0
        assert [(await line.enter("c")).is_held for _ in range(SLOTS)] == [True] * SLOTS

    asyncio.run(run())
