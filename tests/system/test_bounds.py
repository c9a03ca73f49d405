"""Many turns leave a daemon as they found it: memory flat, descriptors and threads back where they were. Two thousand: OPTA_TEST_TURNS=2000."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.promises import ENDINGS, check_journal

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

TURNS, WARM_TURNS = int(os.environ.get("OPTA_TEST_TURNS", "800")), 200
# A part for each turn, and a part that the allocator rounds up.
GROWTH_MB_MAX = 4.0 + 0.0075 * (TURNS - WARM_TURNS)


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Some words, and a tool in every tenth turn."""
    if messages[-1]["role"] == "user" and str(messages[-1]["content"]).endswith("0"):
        return [Use("list_dir", {"path": "."})]
    return [Say("some words")]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path, model_url=model.url) as running:
        yield running


class Holding:
    """What the processes hold at one moment."""

    def __init__(self, daemon: Daemon):
        self.memory_mb = self.files = self.threads = 0.0
        for pid in daemon.pids().values():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            self.memory_mb += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1000
            self.files += len(os.listdir(f"/proc/{pid}/fd"))
            self.threads += len(os.listdir(f"/proc/{pid}/task"))


def ask(daemon: Daemon, sid: str, first: int, count: int) -> None:
    """Turns one after the other, watched on one stream."""
    client = daemon.client
    lines = client.events(sid, int(client.get(f"/v3/sessions/{sid}")["lastSeq"]))
    for number in range(first, first + count):
        turn = daemon.submit(sid, f"turn {number}")
        for line in lines:
            event = json.loads(line)
            if event.get("turn") == turn and event["event"] in ENDINGS:
                assert event["event"] == "turn.done", event
                break
    lines.close()  # type: ignore[attr-defined]


def test_many_turns_leave_nothing_behind(daemon: Daemon) -> None:
    sids = [daemon.session(mode="do") for _ in range(4)]
    long = sids[0]
    ask(daemon, long, 0, WARM_TURNS)
    for sid in sids[1:]:
        ask(daemon, sid, 0, 20)
    time.sleep(2)
    before = Holding(daemon)
    ask(daemon, long, WARM_TURNS, TURNS - WARM_TURNS)
    time.sleep(2)
    after = Holding(daemon)
    print(f"memory {before.memory_mb:.1f} -> {after.memory_mb:.1f} MB, descriptors {before.files} -> {after.files}")
    assert after.memory_mb - before.memory_mb < GROWTH_MB_MAX
    assert after.files - before.files <= 4
    assert after.threads - before.threads <= 2
    events = check_journal(daemon.journal(long))
    assert sum(event["event"] == "turn.done" for event in events) == TURNS
