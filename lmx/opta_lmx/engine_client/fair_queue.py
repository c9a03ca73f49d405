"""Fair queue: at most `SLOTS` running requests, round-robin across clients.

A client with many requests waits for itself; a request of another client waits for one free slot, not for all of those. Batch
requests (`service_tier: flex`) run only when no other request waits. Nothing here awaits: a slot calls back when its turn comes.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Literal

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

# The size of the engine's batch.
SLOTS = 16
# Running and waiting requests, in all and per client: some capacity is always left for another client.
REQUESTS_MAX, REQUESTS_PER_CLIENT_MAX = 64, 48


class Slot:
    """One request in the queue. `on_turn` is called each time it starts to run, possibly before `enter` returns."""

    def __init__(self, client: str, on_turn: Callable[[], None], *, is_batch: bool = False):
        self.client, self.on_turn, self.is_batch = client, on_turn, is_batch
        self.state: Literal["outside", "waiting", "running"] = "outside"


class FairQueue:
    """The requests of one engine; `len(queue)` of them run or wait."""

    def __init__(self) -> None:
        self._requests = Counter[str]()
        self._running = 0
        # Client -> its waiting slots; the client whose turn is next comes first.
        self._interactive: dict[str, deque[Slot]] = {}
        self._batch: dict[str, deque[Slot]] = {}

    def __len__(self) -> int:
        return self._requests.total()

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self) - self._running

    def enter(self, slot: Slot) -> None:
        """Queue a request. Raises OptaError (too_many_requests)."""
        if len(self) >= REQUESTS_MAX or self._requests[slot.client] >= REQUESTS_PER_CLIENT_MAX:
            raise OptaError(
                f"{len(self)} requests are queued, {self._requests[slot.client]} of them from this client. Try again shortly.",
                code=ErrorCode.too_many_requests,
                retryable=True,
                retry_after_s=2,
            )
        self.enter_again(slot)

    def enter_again(self, slot: Slot) -> None:
        """Queue a request that was admitted before and lost its slot; the limits do not apply."""
        self._requests[slot.client] += 1
        if self._running < SLOTS:
            self._run(slot)
        else:
            slot.state = "waiting"
            self._lane(slot).setdefault(slot.client, deque()).append(slot)

    def leave(self, slot: Slot) -> None:
        """End a request that is complete or was cancelled. A second call does nothing."""
        if slot.state == "outside":
            return
        if slot.state == "running":
            self._running -= 1
        else:
            lane = self._lane(slot)
            lane[slot.client].remove(slot)
            if not lane[slot.client]:
                del lane[slot.client]
        slot.state = "outside"
        self._requests[slot.client] -= 1
        if not self._requests[slot.client]:
            del self._requests[slot.client]
        while self._running < SLOTS and (waiting := self._interactive or self._batch):
            self._run(_take_next(waiting))

    def _run(self, slot: Slot) -> None:
        # Complete before the callback: it may leave, or enter another slot.
        self._running += 1
        slot.state = "running"
        slot.on_turn()

    def _lane(self, slot: Slot) -> dict[str, deque[Slot]]:
        return self._batch if slot.is_batch else self._interactive


def _take_next(lane: dict[str, deque[Slot]]) -> Slot:
    """The oldest slot of the first client, which then moves to the end of the order."""
    client = next(iter(lane))
    slots = lane.pop(client)
    slot = slots.popleft()
    if slots:
        lane[client] = slots
    return slot
