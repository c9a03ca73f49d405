"""The batches of an engine: requests with the same adapter run together, and each step serves every batch."""

from collections.abc import Callable
from typing import Any

from ..ipc.messages import EngineMessage
from .adapters.adapters import Adapters
from .batch import TokenBatch
from .sequence import Sequence


class AdapterBatches:
    """`make`: a new batch for the adapter of a key. To the engine they are one batch."""

    def __init__(self, make: Callable[[str], TokenBatch], adapters: Adapters):
        self._make, self._adapters = make, adapters
        # Without an adapter, and by the key of one.
        self._batches: dict[str, TokenBatch] = {"": make("")}

    def __len__(self) -> int:
        return sum(map(len, self._batches.values()))

    @property
    def keys(self) -> set[str]:
        """The adapters that running requests use."""
        return {key for key, batch in self._batches.items() if key and len(batch)}

    @property
    def sizes(self) -> list[int]:
        """Bytes that the KV cache of each sequence can take."""
        return [size for batch in self._batches.values() for size in batch.sizes]

    def insert(self, sequence: Sequence, cache: Any, known: list[int], rest: list[int]) -> None:
        """Add a sequence to the batch of its adapter."""
        if sequence.adapter not in self._batches:
            self._batches[sequence.adapter] = self._make(sequence.adapter)
        with self._adapters.on(sequence.adapter):
            self._batches[sequence.adapter].insert(sequence, cache, known, rest)

    def step(self) -> list[EngineMessage]:
        """One step of every batch."""
        messages: list[EngineMessage] = []
        for key, batch in list(self._batches.items()):
            if len(batch):
                with self._adapters.on(key):
                    messages += batch.step()
            if key and not len(batch):
                del self._batches[key]
        return messages

    def remove(self, order_id: int) -> None:
        """Remove the sequence of an order, if it is here."""
        for batch in self._batches.values():
            batch.remove(order_id)

    def start_over(self) -> list[int]:
        """Drop every sequence; returns the ids of the dropped orders."""
        dropped = [id_ for batch in self._batches.values() for id_ in batch.start_over()]
        self._batches = {"": self._batches[""]}
        return dropped
