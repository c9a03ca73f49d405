"""The store meets a failure at every single call it makes to its disk: one that fails, one it dies in, one at which the power goes."""

import json
from itertools import count

import pytest

from simulation.disk import Disk
from simulation.processes import PATHS, Process
from simulation.world import World

# A short story with everything in it; `story` looks for another one when it no longer has.
FIRST_SEED, CALLS_MAX = 1215, 130
WRITTEN = {
    "context.injected", "permission.decision", "session.cancelled", "session.start", "session.updated", "step.done", "step.start", "tool.call",
    "tool.output", "tool.result", "tool.start", "turn.done", "turn.queued", "turn.start", "turn.stopping", "turn.thinking", "turn.token", "warning",
}  # fmt: skip


class _OneFault(World):
    """A short story with the one fault, and peace before and after it. Sub-agents would make it long; other stories have them."""

    delegates = False

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


def written(disk: Disk) -> set[str]:
    """The kinds of events in every journal, also in that of a session that was thrown away."""
    journals = [content.content for file, content in disk.names.items() if file.suffix == ".jsonl"]
    return {json.loads(line)["event"] for content in journals for line in bytes(content).splitlines()}


def kept(disk: Disk) -> bool:
    """Whether a snapshot was written beside a journal."""
    return any(file.suffix == ".snapshot" for file in disk.names)


def moved(disk: Disk) -> bool:
    """Whether a session was thrown away, which moves its journal."""
    return any(file.is_relative_to(PATHS.trash) for file in disk.names)


@pytest.fixture(scope="module")
def story() -> int:
    """The seed of a story whose calls write each kind of event, in few calls, because it is played once for each of them and each kind of fault."""
    for seed in count(FIRST_SEED):
        world = _OneFault(seed, 0, "fail")
        world.play()
        if written(world.disk) >= WRITTEN and moved(world.disk) and kept(world.disk) and 60 < world.disk.calls <= CALLS_MAX:
            return seed
        assert seed < FIRST_SEED + 1000, f"no story of at most {CALLS_MAX} calls writes {WRITTEN}"
    raise AssertionError


@pytest.mark.parametrize("kind", ["fail", "before", "middle", "after", "power before", "power middle", "power after"])
def test_no_promise_breaks_whichever_call_it_is(kind: str, story: int) -> None:
    number = 0
    while True:
        number += 1
        world = _OneFault(story, number, kind)
        figures = world.play()
        if (world.disk.calls < number) if kind == "fail" else not figures["kills"]:
            break
    assert number > 60, f"only {number} calls were met"
