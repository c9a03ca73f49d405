"""Twenty-four simulated hours with a turn now and then: what is kept in memory does not grow with time or turns."""

import asyncio
import gc
import json
import logging

from opta_core.bus.outbox import Outbox
from simulation.processes import Process
from simulation.world import Client, World

DAY_S, HOUR_S, EVERY_S = 86_400.0, 3600.0, 300.0


class _Day(World):
    """No faults; one session that is asked every five minutes, without sub-agents: each would be one session more."""

    delegates = False

    def __init__(self) -> None:
        super().__init__(7)
        self.objects: list[int] = []
        self.tasks: list[int] = []

    async def _story(self) -> None:
        for service in ("sessions", "agent", "tools", "gateway"):
            self._start(service)
        self.is_peace = True
        client = _Regular(self, 0)
        self.clients = [client]
        working = asyncio.ensure_future(client.work())
        while self.loop.time() < DAY_S:
            await asyncio.sleep(HOUR_S)
            # A disk writes renames by itself long before an hour is over; the simulated one would count each as not written yet.
            self.disk.renames.clear()
            gc.collect()
            self.objects.append(len(gc.get_objects()))
            self.tasks.append(len(asyncio.all_tasks()))
        client.is_over = True
        await working
        self._check()
        for process in self.processes.values():
            assert isinstance(process, Process)
        assert all(not box.unacknowledged for box in gc.get_objects() if isinstance(box, Outbox))


class _Regular(Client):
    """Asks and watches, but keeps of what it saw only how much it was."""

    is_over = False

    async def work(self) -> None:
        await self._start_session()
        self.watching = asyncio.ensure_future(self._watch())
        number = 0
        while not self.is_over:
            number += 1
            self.accepted = {f"k{number}": await self._submit(f"k{number}")}
            await self._until_ended()
            self.ended.clear()
            await asyncio.sleep(EVERY_S)
        self.watching.cancel()


def main() -> None:
    """Play a day and print what there was of everything, hour by hour."""
    logging.disable(logging.CRITICAL)
    day = _Day()
    figures = day.play()
    print(json.dumps({"figures": figures, "objects": day.objects, "tasks": day.tasks, "begun": len(day.begun)}))


if __name__ == "__main__":
    main()
