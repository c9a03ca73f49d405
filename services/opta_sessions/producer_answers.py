"""The results that the store gave to the events of a producer, for events that are sent again."""

from collections import OrderedDict
from dataclasses import dataclass, field

from opta_protocol.commands import AppendResult

# Producers whose results are kept. A service has one process at a time, so a producer with this many successors is gone.
PRODUCERS_ANSWERED_MAX = 8


@dataclass
class Answers:
    """The results for one producer other than "written", by number, oldest first, until the producer acknowledges them."""

    base: int = 0
    # Not a dict: finding the oldest key of a dict scans the slots of all removed keys.
    results: OrderedDict[int, AppendResult] = field(default_factory=OrderedDict[int, AppendResult])

    def keep(self, number: int, result: AppendResult) -> None:
        """Store a result. Numbers only increase."""
        self.results[number] = result

    def get(self, number: int) -> AppendResult | None:
        """The result for a resent event; None when it was "written"."""
        return self.results.get(number)

    def forget(self, base: int) -> None:
        """Drop the results below `base`, which the producer has. Each result is visited once."""
        if base <= self.base:
            return
        self.base = base
        while self.results and next(iter(self.results)) < base:
            self.results.popitem(last=False)
