"""Three hundred random kills and stops over all processes of three homes; two thousand by name: `./opta dev soak`."""

from pathlib import Path

import pytest
from support.soak import run_side_by_side

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

KILLS, HOMES = 300, 3


def test_three_hundred_kills_break_no_promise(tmp_path: Path) -> None:
    figures, stall_s, problems = run_side_by_side(tmp_path, KILLS, HOMES, 11)
    print(dict(figures), f"longest stall {stall_s:.1f} s")
    assert not problems, "\n".join(problems)
    assert figures["kills"] >= KILLS
    assert figures["turns"] >= 50
    assert figures["commands"] >= 50
