"""The promises that every journal keeps, whatever was killed."""

import json
from collections import Counter
from typing import Any

from opta_protocol import wire

ENDINGS = ("turn.done", "turn.error", "session.cancelled")


def check_journal(lines: list[bytes]) -> list[dict[str, Any]]:
    """Whole lines, contiguous seq, each (p, n) once, every turn ended once, no tool before its decision, no change twice."""
    events = [json.loads(line) for line in lines]
    assert all(wire.is_whole(line) for line in lines)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert max(Counter((event["p"], event["n"]) for event in events).values()) == 1
    started = [event["turn"] for event in events if event["event"] == "turn.start"]
    ended = [event["turn"] for event in events if event["event"] in ENDINGS]
    assert sorted(started) == sorted(ended)
    decided: set[str] = set()
    changing: set[str] = set()
    begun: set[str] = set()
    results: Counter[str] = Counter()
    for event in events:
        if event["event"] == "permission.decision":
            decided.add(event["callId"])
        elif event["event"] == "tool.call" and event["risk"] != "read":
            changing.add(event["callId"])
        elif event["event"] == "tool.start":
            assert event["callId"] in decided
            assert event["callId"] not in begun
            if event["callId"] in changing:
                begun.add(event["callId"])
        elif event["event"] == "tool.result":
            results[event["callId"]] += 1
    assert not results or max(results.values()) == 1
    return events
