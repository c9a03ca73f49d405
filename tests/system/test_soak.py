"""Random kills and stops over all processes of three homes. Three hundred by name: OPTA_TEST_KILLS=300; two thousand: `./opta dev soak`."""

import os
from pathlib import Path

import pytest
from support.soak import run_side_by_side

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

KILLS, HOMES = int(os.environ.get("OPTA_TEST_KILLS", "75")), 3


def test_random_kills_break_no_promise(tmp_path: Path) -> None:
    figures, stall_s, problems = run_side_by_side(tmp_path, KILLS, HOMES, 11)
    print(dict(figures), f"longest stall {stall_s:.1f} s")
    assert not problems, "\n".join(problems)
    assert figures["kills"] >= KILLS
    assert figures["turns"] >= KILLS // 12
    assert figures["commands"] >= KILLS // 12
