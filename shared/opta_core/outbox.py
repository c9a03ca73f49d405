"""A producer's side of the store: events go out in order, and again until they are acknowledged.

One `Outbox` a process; one stream a session, numbered from 1. `append` never waits for the disk;
`written` does when the store says so (class 1). What is not acknowledged is sent again after a gap,
a silence, or a restart of the store, which drops what it already has by (p, n): nothing is lost and
nothing is written twice.
"""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from opta_protocol import wire
from opta_protocol.commands import Ack, Append, AppendResult
from opta_protocol.events import Event
from opta_protocol.topics import STORE_IN

from .bus import Bus, Frames
from .clock import now_s
from .errors import Unavailable

# Unacknowledged events a process may have in the air before `room` waits.
WINDOW = 2048
_RESEND_AFTER_S = 0.5
_TICK_S = 0.1
# Events in one message at most: keeps a message well below the bus's size limit.
_BATCH_MAX = 512

_encoder = msgspec.json.Encoder()
_ack = msgspec.json.Decoder(Ack)


class _Stream:
    """What one session has not acknowledged yet: bodies numbered base, base+1, …"""

    def __init__(self) -> None:
        self.base = 1
        self.bodies: list[bytes] = []
        self.sent = 0  # how many of `bodies` are on their way
        self.waiters: dict[int, asyncio.Future[AppendResult]] = {}
        self.sent_at = 0.0


class Outbox:
    """Appends events to the store. Owns the DEALER and the task that resends."""

    def __init__(self, bus: Bus, producer: str, boot: str, life: int = 0):
        self._producer = f"{producer}.{boot}"
        self._life = life
        # Called with the session and turn of an event that was not written and that nobody waits for.
        self.on_fenced: Callable[[str, str], None] | None = None
        self._streams: dict[str, _Stream] = {}
        self._in_air = 0
        self._flying = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        # In the order of the appends; a set would make each run of a simulation another one.
        self._dirty: dict[str, None] = {}
        self._dealer = bus.dealer(STORE_IN, self._on_message)
        self._resender = asyncio.create_task(self._resend_forever(), name="outbox")

    def append(self, event: Event) -> int:
        """Number and queue an event; it leaves at the end of this turn of the loop, with its neighbours."""
        stream = self._streams.setdefault(event.sid, _Stream())
        stream.bodies.append(wire.encode_body(event))
        self._in_air += 1
        self._flying.set()
        if self._in_air >= WINDOW:
            self._room.clear()
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty[event.sid] = None
        return stream.base + len(stream.bodies) - 1

    async def written(self, event: Event, timeout_s: float = 30.0) -> AppendResult:
        """Append, and wait until the store has it (on the disk, for class 1). Raises Unavailable when it takes too long.

        After a timeout the event is still on its way and may be written later.
        """
        number = self.append(event)
        future: asyncio.Future[AppendResult] = asyncio.get_running_loop().create_future()
        stream = self._streams[event.sid]
        stream.waiters[number] = future
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise Unavailable("The session store does not answer. `opta daemon status` shows its state.") from None
        finally:
            stream.waiters.pop(number, None)

    async def room(self) -> None:
        """Wait while the window is full."""
        await self._room.wait()

    async def drained(self, timeout_s: float) -> None:
        """Wait until everything is acknowledged, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._in_air:
                    await asyncio.sleep(0.01)

    def close(self) -> None:
        """Stop resending and close the socket."""
        self._resender.cancel()
        self._dealer.close()

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for sid in dirty:
            self._send(sid, self._streams[sid])

    def _send(self, sid: str, stream: _Stream) -> None:
        stream.sent_at = now_s()
        while stream.sent < len(stream.bodies):
            bodies = stream.bodies[stream.sent : stream.sent + _BATCH_MAX]
            head = Append(p=self._producer, sid=sid, n=stream.base + stream.sent, base=stream.base, life=self._life)
            self._dealer.send([_encoder.encode(head), *bodies])
            stream.sent += len(bodies)

    def _on_message(self, frames: Frames) -> None:
        ack = _ack.decode(frames[0])
        stream = self._streams.get(ack.sid)
        if stream is None or ack.p != self._producer:
            return
        fenced: dict[str, None] = {}
        for result in ack.results:
            if result.status == "fenced" and result.n not in stream.waiters and 0 <= result.n - stream.base < len(stream.bodies):
                fenced[wire.read_header(stream.bodies[result.n - stream.base]).turn] = None
        done = ack.n - stream.base + 1
        if done > 0:
            done = min(done, len(stream.bodies))
            del stream.bodies[:done]
            stream.base += done
            stream.sent = max(0, stream.sent - done)
            stream.sent_at = now_s()
            self._in_air -= done
            if self._in_air < WINDOW:
                self._room.set()
        elif stream.sent and now_s() - stream.sent_at > 0.02:
            # The store misses something in between: send again from what it has.
            stream.sent = 0
            self._send(ack.sid, stream)
        results = {result.n: result for result in ack.results}
        for number in [n for n in stream.waiters if n < stream.base]:
            future = stream.waiters.pop(number)
            if not future.done():
                future.set_result(results.get(number) or AppendResult(n=number, status="written"))
        if self.on_fenced is not None:
            for turn in fenced:
                self.on_fenced(ack.sid, turn)

    async def _resend_forever(self) -> None:
        while True:
            # Asleep while nothing is in the air: an idle process costs nothing.
            await self._flying.wait()
            await asyncio.sleep(_TICK_S)
            if not self._in_air:
                self._flying.clear()
            now = now_s()
            for sid, stream in list(self._streams.items()):
                if stream.bodies and now - stream.sent_at > _RESEND_AFTER_S:
                    stream.sent = 0
                    self._send(sid, stream)
