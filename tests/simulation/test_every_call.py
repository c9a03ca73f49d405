"""The store meets a failure at every single call it makes to its disk: one that fails, one it dies in, one at which the power goes."""

import pytest

from simulation.processes import Process
from simulation.world import World

SEED = 1


class _OneFault(World):
    """A short story with the one fault, and peace before and after it."""

    def __init__(self, seed: int, number: int, kind: str):
        super().__init__(seed)
        self._kind = kind
        if kind == "fail":
            self.disk.fail_at = number
        else:
            self.disk.crash_in, self.disk.crash_point = number, kind.removeprefix("power ")

    def _hurt(self) -> None:
        return

    def _heal(self) -> None:
        # The fault may still be to come; nothing else is wrong.
        self.is_peace = True

    def on_death(self, process: Process) -> None:
        if self._kind.startswith("power") and process.service == "sessions" and self.disk.crash_in == 0:
            self._kind = ""
            for other in self.processes.values():
                other.kill()
                other.is_flushed = False
            self.disk.lose_power()
            for client in self.clients:
                client.forget()
        super().on_death(process)


@pytest.mark.parametrize("kind", ["fail", "before", "middle", "after", "power before", "power middle", "power after"])
def test_no_promise_breaks_whichever_call_it_is(kind: str) -> None:
    number = 0
    while True:
        number += 1
        world = _OneFault(SEED, number, kind)
        figures = world.play()
        if (world.disk.calls < number) if kind == "fail" else not figures["kills"]:
            break
    assert number > 60, f"only {number} calls were met"
