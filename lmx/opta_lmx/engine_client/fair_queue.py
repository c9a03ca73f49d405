"""Whose request goes to the engine next: as many as it works on at once, and among clients that wait each in turn.

Promise: a client that asks for much waits for itself; another's request waits for one slot, not for all of that. Batch
requests (`service_tier: flex`) go only when nobody else waits.
"""

import asyncio
import contextlib
from collections import deque

from opta_core.errors import OptaError
from opta_protocol.errors import ErrorCode

# What the engine's batch holds.
SLOTS = 16
# All that may be there, waiting or at work, and of one client: some room is always left for another.
REQUESTS_MAX, REQUESTS_A_CLIENT_MAX = 64, 48


class Slot:
    """One request's slot; `leave` may be said twice."""

    def __init__(self, fair_queue: "FairQueue", client: str, *, is_batch: bool = False):
        self._fair_queue, self.client, self.is_batch = fair_queue, client, is_batch
        self.is_held = True

    def leave(self) -> None:
        """The request is over, or nobody waits for it any more."""
        if self.is_held:
            self.is_held = False
            self._fair_queue._free(self.client)


class FairQueue:
    """`len(fair_queue)` requests are there."""

    def __init__(self) -> None:
        self._requests: dict[str, int] = {}
        self._at_work = 0
        # Clients that wait, the one whose turn is next first; those in a hurry, and the others.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._batch: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(self._requests.values())

    @property
    def waiting(self) -> int:
        """Requests without a slot."""
        return len(self) - self._at_work

    async def enter(self, client: str, *, is_batch: bool = False) -> Slot:
        """Wait for a slot. Raises OptaError (too_many_requests)."""
        if len(self) >= REQUESTS_MAX or self._requests.get(client, 0) >= REQUESTS_A_CLIENT_MAX:
            raise OptaError(
                f"{len(self)} requests are waiting, {self._requests.get(client, 0)} of them from this client.",
                code=ErrorCode.too_many_requests,
                retryable=True,
                retry_after_s=2,
            )
        await self._wait(client, is_batch=is_batch)
        return Slot(self, client, is_batch=is_batch)

    async def again(self, slot: Slot) -> None:
        """Wait for a slot for a request that has lost its own."""
        if not slot.is_held:
            await self._wait(slot.client, is_batch=slot.is_batch)
            slot.is_held = True

    async def _wait(self, client: str, *, is_batch: bool) -> None:
        self._requests[client] = self._requests.get(client, 0) + 1
        if self._at_work < SLOTS:
            self._at_work += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._batch if is_batch else self._waiting
        waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with contextlib.suppress(KeyError, ValueError):  # a slot that came free meanwhile has passed it by
                    waiting[client].remove(turn)
                self._leave(client)
            else:
                self._free(client)
            raise

    def _free(self, client: str) -> None:
        self._at_work -= 1
        self._leave(client)
        while (waiting := self._waiting or self._batch) and self._at_work < SLOTS:
            first = next(iter(waiting))
            queue = waiting.pop(first)
            turn = queue.popleft() if queue else None
            if queue:
                waiting[first] = queue
            if turn is not None and not turn.done():
                self._at_work += 1
                turn.set_result(None)

    def _leave(self, client: str) -> None:
        self._requests[client] -= 1
        if not self._requests[client]:
            del self._requests[client]
