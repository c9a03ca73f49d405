"""Two hundred worlds; more by name: `./opta dev sim --seeds 20000`."""

import os
import subprocess
import sys

import pytest

from simulation.world import World

SEEDS, GROUPS = 200, 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_promise_holds_in_every_simulated_world(group: int) -> None:
    for seed in range(group * SEEDS // GROUPS, (group + 1) * SEEDS // GROUPS):
        World(seed).play()


def test_a_seed_plays_the_same_in_every_process() -> None:
    outputs: list[str] = []
    for hash_seed in ("1", "2"):
        program = "from simulation.world import World; print(sorted(World(42).play().items()))"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        outputs.append(subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout)
    assert outputs[0] == outputs[1] != ""
