"""Processor time per token in the store and its producer, in one process, for sessions with few and with many turns."""

import asyncio
import tempfile
import time
from pathlib import Path

import library
from figure import Figure
from support.store import House, settle

from opta_core.process.process import _tune_garbage_collector
from opta_protocol.events import TurnToken

COUNTS = (10, 2_000, 80_000)
TOKENS, ROUNDS = 500, 3


def figures() -> list[Figure]:
    """The cost per number of turns. The bar limits the ratio of the longest session to the shortest."""
    _tune_garbage_collector()  # as in every process of the daemon
    costs = [_cost_us(count) for count in COUNTS]
    note = ", ".join(f"{count:,} turns {cost:.0f} µs" for count, cost in zip(COUNTS, costs, strict=True))
    return [
        Figure("CPU a token in store and outbox, 80,000 turns beside 10", costs[-1] / costs[0], "times", 1.5, note=note),
    ]


def _cost_us(turns: int) -> float:
    """Microseconds for a token to be appended, written, published and acknowledged; the best of several rounds."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as name:
        folder = Path(name)
        (folder / "sessions").mkdir()
        sid = library.running(folder / "sessions", folder, turns)

        async def measure() -> float:
            house = House(folder)
            best = float("inf")
            for _ in range(ROUNDS):
                await house.agent.written(TurnToken(sid=sid, turn=f"t{turns + 1}", delta="word"))
                before = time.thread_time()
                for _ in range(TOKENS):
                    house.agent.append(TurnToken(sid=sid, turn=f"t{turns + 1}", delta="word"))
                    await settle()
                best = min(best, time.thread_time() - before)
                await house.agent.drained(5)
            house.close()
            return 1e6 * best / TOKENS

        return asyncio.run(measure())
