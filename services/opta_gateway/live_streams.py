"""The open live streams: each can be ended, and one clock wakes all of them for their pings."""

import asyncio

from opta_core.clock import now_s

from .store_access import StoreAccess

PING_S = 5.0
# A client that has not taken a frame within this time is a broken connection.
SEND_S = 60.0


class Sender:
    """One live stream. `over` is set to end it: this process stops, or the client takes nothing."""

    def __init__(self) -> None:
        self.since = 0.0  # when the current write began; 0 while none is in progress
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, reason: str) -> None:
        """End the stream; only the first reason counts."""
        if not self.over.done():
            self.over.set_result(reason)


class LiveStreams:
    """All open streams. Owns the task that wakes them."""

    def __init__(self, store: StoreAccess):
        self.senders: set[Sender] = set()
        self._store = store
        self._pulse = asyncio.create_task(self._pulse_forever(), name="pulse")

    def close(self) -> None:
        """This process stops: streams end, and their clients resume when the next one has started."""
        self._pulse.cancel()
        for sender in self.senders:
            sender.end("leaving")

    async def _pulse_forever(self) -> None:
        # One clock for all streams: a timer for each, reset with every token, would cost more than the token.
        while True:
            await asyncio.sleep(PING_S)
            now = now_s()
            for sender in self.senders:
                if sender.since and now - sender.since > SEND_S:
                    sender.end("slow")
            for ring in [self._store.everything, *self._store.rings]:
                ring.wake()
