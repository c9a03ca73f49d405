"""A simulated day of one agent: memory does not grow. It runs in a process of its own, so that only its memory is counted."""

import json
import subprocess
import sys
from pathlib import Path

from support.limits import limit_s


def test_a_day_leaves_memory_as_it_was() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulation.day"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=limit_s(120),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    day = json.loads(done.stdout.splitlines()[-1])
    assert day["figures"]["turns"] > 200
    # The world of this test writes down every call that was begun; nothing else may grow.
    grown = day["objects"][-1] - day["objects"][2] - day["begun"]
    assert grown < 300, f"{grown} objects more after {day['figures']}"
    assert max(day["tasks"][2:]) - min(day["tasks"][2:]) <= 2
