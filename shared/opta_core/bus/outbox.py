"""A producer's side of the store: events go out in order, and again until they are acknowledged.

One `Outbox` a process; one stream a session, numbered from 1. `append` never waits for the disk;
`written` does when the store says so (class 1). What is not acknowledged is sent again after a gap,
a silence, or a restart of the store, which drops what it already has by (p, n): nothing is lost and
nothing is written twice.

One session's flood does not delay the others: each session has a window of its own, and only a part of it is on the wire
at a time, so that what another session says stands behind that part and not behind the whole flood.

**Invariant:** only the store's acknowledgements and a resend itself set the clocks of resending. New events never do:
a producer that says something every few milliseconds would otherwise never send again what was lost.
"""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from opta_protocol import wire
from opta_protocol.commands import Ack, Append, AppendResult
from opta_protocol.events import Event
from opta_protocol.topics import STORE_IN

from ..clock import now_s
from ..errors import Unavailable
from .bus import Bus, Frames

# Unacknowledged events of a session before `room` waits.
WINDOW = 2048
# Unacknowledged events of a session on the wire. The store acknowledges a quarter of it at once, so it is never idle.
ON_WIRE_MAX = 1024
# A gap that the store reports is filled at once, a silence of the store ends with a resend. When that brings
# nothing either, the next resend waits twice as long.
_GAP_S, _GAP_MAX_S = 0.02, 0.5
_SILENCE_S, _SILENCE_MAX_S = 0.5, 2.0
_TICK_S = 0.1
# One message at most: well below the bus's size limit, and a millisecond or two of the store's time.
_BATCH_MAX, _BATCH_BYTES_MAX = 128, 1024 * 1024

_encoder = msgspec.json.Encoder()
_ack = msgspec.json.Decoder(Ack)


class _Stream:
    """What one session has not acknowledged yet: bodies numbered base, base+1, …"""

    def __init__(self) -> None:
        self.base = 1
        self.bodies: list[bytes] = []
        self.sent = 0  # how many of `bodies` are on their way
        self.waiters: dict[int, asyncio.Future[AppendResult]] = {}
        # When the store last acknowledged something, or when the first of `bodies` was appended.
        self.moved_at = 0.0
        # When `bodies` were last sent again, and how often since the store last acknowledged something.
        self.resent_at, self.resends = 0.0, 0
        # Set when there is room again; None while nobody waits for it.
        self.room: asyncio.Event | None = None

    def next_batch(self) -> list[bytes]:
        """What may be sent now in one message."""
        batch: list[bytes] = []
        size = 0
        for at in range(self.sent, min(len(self.bodies), self.sent + _BATCH_MAX, ON_WIRE_MAX)):
            size += len(self.bodies[at])
            if batch and size > _BATCH_BYTES_MAX:
                break
            batch.append(self.bodies[at])
        return batch

    def is_silent(self, now: float) -> bool:
        """Whether the store has acknowledged nothing for so long that the events may be lost."""
        return now - max(self.moved_at, self.resent_at) > min(_SILENCE_S * 2**self.resends, _SILENCE_MAX_S)

    def may_fill_gap(self, now: float) -> bool:
        """Whether a reported gap may be filled now: reports of a gap that was just filled are still on their way."""
        return now - self.resent_at > min(_GAP_S * 2**self.resends, _GAP_MAX_S)


class Outbox:
    """Appends events to the store. Owns the DEALER and the task that resends."""

    def __init__(self, bus: Bus, producer: str, boot: str, life: int = 0):
        self._producer = f"{producer}.{boot}"
        self._life = life
        # Called with the session and turn of an event that was not written and that nobody waits for.
        self.on_fenced: Callable[[str, str], None] | None = None
        self._streams: dict[str, _Stream] = {}
        # Those with something in the air: a process that has written into thousands of sessions looks at these alone.
        self._unacknowledged: dict[str, _Stream] = {}
        # The boot of the store that acknowledged last.
        self._store = ""
        self._in_air = 0
        self._flying = asyncio.Event()
        self._landed = asyncio.Event()
        self._landed.set()
        # In the order of the appends; a set would make each run of a simulation another one.
        self._dirty: dict[str, None] = {}
        self._dealer = bus.dealer(STORE_IN, self._on_message)
        self._resender = asyncio.create_task(self._resend_forever(), name="outbox")

    @property
    def in_air(self) -> int:
        """How many appended events the store has not acknowledged."""
        return self._in_air

    def append(self, event: Event) -> int:
        """Number and queue an event; it leaves at the end of this turn of the loop, with its neighbours."""
        stream = self._streams.setdefault(event.sid, _Stream())
        if not stream.bodies:
            stream.moved_at = now_s()
            self._unacknowledged[event.sid] = stream
        stream.bodies.append(wire.encode_body(event))
        self._in_air += 1
        self._flying.set()
        self._landed.clear()
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

    async def room(self, sid: str) -> None:
        """Wait while the session's window is full."""
        stream = self._streams.get(sid)
        while stream is not None and len(stream.bodies) >= WINDOW:
            stream.room = stream.room or asyncio.Event()
            await stream.room.wait()

    async def drained(self, timeout_s: float) -> None:
        """Wait until everything is acknowledged, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._landed.wait()

    def close(self) -> None:
        """Stop resending and close the socket."""
        self._resender.cancel()
        self._dealer.close()

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for sid in dirty:
            self._send(sid, self._streams[sid])

    def _send(self, sid: str, stream: _Stream) -> None:
        while bodies := stream.next_batch():
            head = Append(p=self._producer, sid=sid, n=stream.base + stream.sent, base=stream.base, life=self._life)
            self._dealer.send([_encoder.encode(head), *bodies])
            stream.sent += len(bodies)

    def _send_again(self, sid: str, stream: _Stream) -> None:
        """Send everything that is not acknowledged: the store takes what it misses."""
        stream.sent = 0
        stream.resends += 1
        stream.resent_at = now_s()
        self._send(sid, stream)

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
            stream.moved_at, stream.resends = now_s(), 0
            self._in_air -= done
            if not self._in_air:
                self._landed.set()
            if not stream.bodies:
                del self._unacknowledged[ack.sid]
            if stream.room is not None and len(stream.bodies) < WINDOW:
                stream.room.set()
                stream.room = None
            self._send(ack.sid, stream)
        elif stream.sent and stream.may_fill_gap(now_s()):
            self._send_again(ack.sid, stream)
        if ack.boot != self._store:
            self._meet_store(ack.boot)
        results = {result.n: result for result in ack.results}
        for number in [n for n in stream.waiters if n < stream.base]:
            future = stream.waiters.pop(number)
            if not future.done():
                future.set_result(results.get(number) or AppendResult(n=number, status="written"))
        if self.on_fenced is not None:
            for turn in fenced:
                self.on_fenced(ack.sid, turn)

    def _meet_store(self, boot: str) -> None:
        """Another store answers: what was on its way to the former one may be lost, in every session."""
        former, self._store = self._store, boot
        now = now_s()
        for sid, stream in self._unacknowledged.items():
            if former and stream.sent and stream.may_fill_gap(now):
                self._send_again(sid, stream)

    async def _resend_forever(self) -> None:
        while True:
            # Asleep while nothing is in the air: an idle process costs nothing.
            await self._flying.wait()
            await asyncio.sleep(_TICK_S)
            if not self._in_air:
                self._flying.clear()
            now = now_s()
            for sid, stream in self._unacknowledged.items():
                if stream.is_silent(now):
                    self._send_again(sid, stream)
