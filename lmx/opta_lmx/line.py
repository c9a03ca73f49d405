"""Whose request goes to the engine next: as many as it works on at once, and among clients that wait each in turn.

Promise: a client that asks for much waits for itself; another's request waits for one slot, not for all of that.
"""

import asyncio
import contextlib
from collections import deque

from opta_core.errors import OptaError
from opta_protocol.errors import ErrorCode

# What the engine's batch holds.
SLOTS = 16
# All that may be there, waiting or at work, and of one client: some room is always left for another.
PLACES_MAX, PLACES_A_CLIENT_MAX = 64, 48


class Place:
    """One request's place; `leave` may be said twice."""

    def __init__(self, line: "Line", client: str):
        self._line, self._client = line, client
        self.is_held = True

    def leave(self) -> None:
        """The request is over, or nobody waits for it any more."""
        if self.is_held:
            self.is_held = False
            self._line._free(self._client)


class Line:
    """`len(line)` requests are there."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._at_work = 0
        # Clients that wait, the one whose turn is next first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(self._places.values())

    async def enter(self, client: str) -> Place:
        """Wait for a slot. Raises OptaError (too_many_requests)."""
        if len(self) >= PLACES_MAX or self._places.get(client, 0) >= PLACES_A_CLIENT_MAX:
            raise OptaError(
                f"{len(self)} requests are waiting, {self._places.get(client, 0)} of them from this client.",
                code=ErrorCode.too_many_requests,
                retryable=True,
                retry_after_s=2,
            )
        self._places[client] = self._places.get(client, 0) + 1
        if self._at_work < SLOTS:
            self._at_work += 1
            return Place(self, client)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with contextlib.suppress(KeyError, ValueError):  # a slot that came free meanwhile has passed it by
                    self._waiting[client].remove(turn)
                self._leave(client)
            else:
                self._free(client)
            raise
        return Place(self, client)

    def _free(self, client: str) -> None:
        self._at_work -= 1
        self._leave(client)
        while self._waiting and self._at_work < SLOTS:
            first = next(iter(self._waiting))
            queue = self._waiting.pop(first)
            turn = queue.popleft() if queue else None
            if queue:
                self._waiting[first] = queue
            if turn is not None and not turn.done():
                self._at_work += 1
                turn.set_result(None)

    def _leave(self, client: str) -> None:
        self._places[client] -= 1
        if not self._places[client]:
            del self._places[client]
