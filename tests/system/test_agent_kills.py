"""A killed agent goes on with the same bytes: the harness of `./opta dev kills`, with few kills."""

from pathlib import Path

import pytest
from support import agent_kills

pytestmark = pytest.mark.system


def test_a_killed_agent_sends_the_request_that_an_undisturbed_one_sends(tmp_path: Path) -> None:
    found = agent_kills.run(tmp_path, kills=10)
    assert (found.kills, found.different, found.unfinished) == (10, 0, 0), found.first
