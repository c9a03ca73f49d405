"""The producer's side of the session store: sends events in order, and resends them until they are acknowledged.

A process has one `Outbox` with one stream per session, numbered from 1. `append` never waits for the disk; `written` waits
until a durable event is on the disk. Unacknowledged events are resent after a gap, a timeout or a restart of the store. The
store drops duplicates by producer and number, so no event is lost and none is written twice.

A session with many events does not delay the others: each session has a window, and only part of it is sent at a time.

**Invariant:** only acknowledgements and resends restart the resend timers. A new event never does: otherwise a producer that
appends every few milliseconds would never resend a lost event.
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

# Unacknowledged events of a session before `wait_for_capacity` waits.
WINDOW = 2048
# Events of a session that are sent and not acknowledged. The store acknowledges after a quarter of them, so it is never idle.
ON_WIRE_MAX = 1024
# A reported gap is filled at once. Without an acknowledgement, events are resent after a timeout, which doubles each time.
_GAP_S, _GAP_MAX_S = 0.02, 0.5
_SILENCE_S, _SILENCE_MAX_S = 0.5, 2.0
_TICK_S = 0.1
# Limit of one message: well below the bus's size limit, and one or two milliseconds of work for the store.
_BATCH_MAX, _BATCH_BYTES_MAX = 128, 1024 * 1024

_encoder = msgspec.json.Encoder()
_ack = msgspec.json.Decoder(Ack)


class _Stream:
    """The unacknowledged events of one session: bodies numbered base, base+1, …"""

    def __init__(self) -> None:
        self.base = 1
        self.bodies: list[bytes] = []
        self.sent = 0  # number of `bodies` that were sent
        self.waiters: dict[int, asyncio.Future[AppendResult]] = {}
        # Time of the last acknowledgement, or when the first of `bodies` was appended.
        self.moved_at = 0.0
        # Time of the last resend, and number of resends since the last acknowledgement.
        self.resent_at, self.resends = 0.0, 0
        # Set when the window has capacity again; None while no producer waits.
        self.has_capacity: asyncio.Event | None = None

    def next_batch(self) -> list[bytes]:
        """The bodies that may be sent now in one message."""
        batch: list[bytes] = []
        size = 0
        for at in range(self.sent, min(len(self.bodies), self.sent + _BATCH_MAX, ON_WIRE_MAX)):
            size += len(self.bodies[at])
            if batch and size > _BATCH_BYTES_MAX:
                break
            batch.append(self.bodies[at])
        return batch

    def is_silent(self, now: float) -> bool:
        """Whether the store has not acknowledged anything for so long that events may be lost."""
        return now - max(self.moved_at, self.resent_at) > min(_SILENCE_S * 2**self.resends, _SILENCE_MAX_S)

    def may_fill_gap(self, now: float) -> bool:
        """Whether to fill a reported gap now. Just after a resend, reports of the old gap may still arrive."""
        return now - self.resent_at > min(_GAP_S * 2**self.resends, _GAP_MAX_S)


class Outbox:
    """Appends events to the store. Owns the DEALER and the task that resends."""

    def __init__(self, bus: Bus, producer: str, boot: str, incarnation: int = 0):
        self._producer = f"{producer}.{boot}"
        self._incarnation = incarnation
        # Called with the session and the turn of an event that was fenced and that no caller waits for.
        self.on_fenced: Callable[[str, str], None] | None = None
        self._streams: dict[str, _Stream] = {}
        # Streams with unacknowledged events, so that a process with thousands of sessions checks only these.
        self._unacknowledged_streams: dict[str, _Stream] = {}
        # The boot of the store that acknowledged last.
        self._store = ""
        # Number of unacknowledged events in all sessions.
        self.unacknowledged = 0
        self._has_unacknowledged = asyncio.Event()
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()
        # A dict keeps the order of the appends; with a set, runs of a simulation would differ.
        self._dirty: dict[str, None] = {}
        self._dealer = bus.dealer(STORE_IN, self._on_message)
        self._resender = asyncio.create_task(self._resend_forever(), name="outbox")

    def append(self, event: Event) -> int:
        """Number and queue an event, and return its number. All events of one loop iteration are sent together."""
        stream = self._streams.setdefault(event.sid, _Stream())
        if not stream.bodies:
            stream.moved_at = now_s()
            self._unacknowledged_streams[event.sid] = stream
        stream.bodies.append(wire.encode_body(event))
        self.unacknowledged += 1
        self._has_unacknowledged.set()
        self._all_acknowledged.clear()
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty[event.sid] = None
        return stream.base + len(stream.bodies) - 1

    async def written(self, event: Event, timeout_s: float = 30.0) -> AppendResult:
        """Append an event and wait until the store has it; a durable event is then on the disk. Raises Unavailable after `timeout_s`.

        After a timeout the event stays queued and may be written later.
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

    async def wait_for_capacity(self, sid: str) -> None:
        """Wait while the session's window is full."""
        stream = self._streams.get(sid)
        while stream is not None and len(stream.bodies) >= WINDOW:
            stream.has_capacity = stream.has_capacity or asyncio.Event()
            await stream.has_capacity.wait()

    async def drained(self, timeout_s: float) -> None:
        """Wait until every event is acknowledged, at most `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._all_acknowledged.wait()

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
            head = Append(p=self._producer, sid=sid, n=stream.base + stream.sent, base=stream.base, incarnation=self._incarnation)
            self._dealer.send([_encoder.encode(head), *bodies])
            stream.sent += len(bodies)

    def _send_again(self, sid: str, stream: _Stream) -> None:
        """Send every unacknowledged event. The store takes those that it does not have."""
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
            self.unacknowledged -= done
            if not self.unacknowledged:
                self._all_acknowledged.set()
            if not stream.bodies:
                del self._unacknowledged_streams[ack.sid]
            if stream.has_capacity is not None and len(stream.bodies) < WINDOW:
                stream.has_capacity.set()
                stream.has_capacity = None
            self._send(ack.sid, stream)
        elif stream.sent and stream.may_fill_gap(now_s()):
            self._send_again(ack.sid, stream)
        if ack.boot != self._store:
            self._note_store(ack.boot)
        results = {result.n: result for result in ack.results}
        for number in [n for n in stream.waiters if n < stream.base]:
            future = stream.waiters.pop(number)
            if not future.done():
                future.set_result(results.get(number) or AppendResult(n=number, status="written"))
        if self.on_fenced is not None:
            for turn in fenced:
                self.on_fenced(ack.sid, turn)

    def _note_store(self, boot: str) -> None:
        """Note the store's boot id. After a restart of the store, sent events may be lost in every session, so resend them."""
        former, self._store = self._store, boot
        now = now_s()
        for sid, stream in self._unacknowledged_streams.items():
            if former and stream.sent and stream.may_fill_gap(now):
                self._send_again(sid, stream)

    async def _resend_forever(self) -> None:
        while True:
            # Sleep while every event is acknowledged, so that an idle process uses no CPU.
            await self._has_unacknowledged.wait()
            await asyncio.sleep(_TICK_S)
            if not self.unacknowledged:
                self._has_unacknowledged.clear()
            now = now_s()
            for sid, stream in self._unacknowledged_streams.items():
                if stream.is_silent(now):
                    self._send_again(sid, stream)
