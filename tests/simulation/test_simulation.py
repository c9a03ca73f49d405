"""Two hundred worlds; more by name: `python -m simulation --seeds 20000`."""

import pytest

from simulation.world import World

SEEDS, GROUPS = 200, 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_promise_holds_in_every_simulated_world(group: int) -> None:
    for seed in range(group * SEEDS // GROUPS, (group + 1) * SEEDS // GROUPS):
        World(seed).play()
