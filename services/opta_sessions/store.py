"""The session store: receives events from producers, numbers, writes, publishes and acknowledges them.

Promises: a published line is in the file; an acknowledged durable event is on the disk; each event of a producer is
written once per session; a turn ends once; only the live agent writes to running turns.
Invariant: only this process writes journals, and the event loop never waits for the disk.
"""

import asyncio

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.clock import now_s
from opta_core.logs import Log
from opta_protocol import wire
from opta_protocol.commands import Append, StoreHeartbeat
from opta_protocol.error_info import ErrorCode, ErrorInfo
from opta_protocol.events import Event
from opta_protocol.topics import HEARTBEAT, STORE_IN, STORE_PUB, event_topic

from . import full_disk
from .acknowledgements import SYNC_AGAIN_S, Acknowledgements
from .append_checks import append_problem
from .catalog import SessionCatalog
from .child_turns import ChildTurns
from .full_disk import FullDisk
from .leases import Leases
from .put_away import PutAway
from .sequencer import EventBatch, Sequencer
from .session_fork import SessionFork
from .session_repair import SessionRepair
from .session_state import SessionState
from .storage import Storage
from .sync import Syncer, SyncerKind

# The store syncs and acknowledges deltas at this interval, well before a producer resends them.
BEAT_S = 0.1
# Heartbeats name the sessions that were written within this time.
ACTIVE_S = 2.0
# What must be looked at often while turns are open or sessions are written, and seldom otherwise.
TICK_S, IDLE_TICK_S = 0.5, 2.0

_append = msgspec.json.Decoder(Append)
_encode = msgspec.json.Encoder().encode
log = Log("store")


class Store:
    """Connects the store's sockets to the catalog. `boot` is the boot id of this store."""

    def __init__(self, bus: Bus, catalog: SessionCatalog, storage: Storage, boot: str, syncer: SyncerKind = Syncer):
        self.catalog, self.storage, self.boot = catalog, storage, boot
        self._loop = asyncio.get_running_loop()
        self._in = bus.router(STORE_IN, self._on_append)
        # A subscriber that comes back learns at once whether the store was restarted.
        self._pub = bus.publisher(STORE_PUB, self._greet)
        # Set when a session is written after a pause.
        self.woken = asyncio.Event()
        self.children = ChildTurns(catalog, self.write_events)
        self.leases = Leases(bus, boot, catalog, self.write_events)
        self.disk = FullDisk(storage, self._end_turns_after_full_disk)
        self._sequencer = Sequencer(boot, catalog.torn, self.leases.admits)
        self._acknowledgements = Acknowledgements(boot, self._in.send, catalog, self.disk, syncer)
        self.repairs = SessionRepair(catalog, self.write_events)
        self.forks = SessionFork(catalog, self.write_events, f"fork.{boot}")
        self.put_away = PutAway(catalog, catalog.files, self.write_events)
        # Session -> time of the last write.
        self._active: dict[str, float] = {}
        # Long sessions that are being read, and the messages that wait for them.
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._parked: dict[str, list[tuple[bytes, Frames]]] = {}
        self._beat: asyncio.TimerHandle | None = None
        self.appended = 0

    @property
    def fenced(self) -> int:
        """The number of fenced events: of ended turns, or of superseded agents."""
        return self._sequencer.fenced

    def close(self) -> None:
        """Make everything durable and close the journals."""
        self._acknowledgements.close()
        self.catalog.close()

    @property
    def tick_s(self) -> float:
        """The time until the next tick: long while no turn is open, nothing is written and nothing waits for the disk."""
        is_busy = bool(self._active) or self.storage.is_failing or self.catalog.is_changed
        return TICK_S if is_busy or any(state.open_turns for state in self.catalog.states.values()) else IDLE_TICK_S

    def heartbeat(self) -> bool:
        """Publish the last seq of recently changed sessions. Returns False when there are none."""
        now = now_s()
        self._active = {sid: at for sid, at in self._active.items() if now - at < ACTIVE_S and self.catalog.has(sid)}
        states = [state for sid in self._active if (state := self.catalog.states.get(sid))]
        beat = StoreHeartbeat(
            boot=self.boot,
            next_s=self.tick_s,
            last={s.sid: s.last_seq for s in states},
            durable={s.sid: s.durable_seq for s in states},
        )
        self._pub.publish([HEARTBEAT, _encode(beat)])
        return bool(states)

    def _greet(self) -> None:
        self.heartbeat()

    def write_events(self, state: SessionState, *events: Event) -> None:
        """Write events that the store itself creates (agent lost, disk full)."""
        if state.is_damaged:
            return
        batch = self._sequencer.begin(state)
        for event in events:
            self._sequencer.add_event(state, batch, event)
        try:
            self._put(state, batch)
        except OSError as error:
            self.catalog.reload(state.sid)
            log.error("event of the store not written", reason=error)
            self.disk.write_failed(error)
            return
        self.leases.hand_out(state)
        self.children.check()

    def _on_append(self, peer: bytes, frames: Frames) -> None:
        try:
            head = _append.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable append", reason=error)
            return
        bodies = frames[1:]
        if problem := append_problem(head, bodies):
            log.error("append dropped", producer=head.p[:40], reason=problem)
            return
        if self.catalog.is_slow(head.sid):
            self._park(head.sid, peer, frames)
            return
        try:
            state = self._state(head.sid, bodies)
        except OSError as error:
            self._meet_full_disk(peer, head, len(bodies), error)
            return
        # A gateway puts sessions away. Its acknowledgement may have died with the store before this one.
        is_gateway = head.p.startswith("gateway.")
        if state is None and is_gateway and self.put_away.has_written(head.sid, head.p, head.n + len(bodies) - 1):
            self._acknowledgements.known(peer, head, len(bodies))
            return
        if state is None:
            unknown = ErrorInfo(code=ErrorCode.not_found, message=f"There is no session s-{head.sid}.")
            self._acknowledgements.refused(peer, head, len(bodies), unknown)
            return
        self._append(state, peer, head, bodies)

    def _state(self, sid: str, bodies: list[bytes]) -> SessionState | None:
        """The session's state; a new one when the first event starts it. Raises OSError."""
        state = self.catalog.state(sid)
        if state is None and bodies and wire.read_header(bodies[0]).event == "session.start":
            return self.catalog.create(sid)
        return state

    def _append(self, state: SessionState, peer: bytes, head: Append, bodies: list[bytes]) -> None:
        # All events below `base` were handled, though not always written.
        last = max(state.producers.get(head.p, 0), head.base - 1)
        state.answers(head.p).forget(head.base)
        if head.n > last + 1:
            self._acknowledgements.seen(peer, head, last)
            return
        if head.n <= last:
            # A resent event may have been written and never published. A heartbeat lets subscribers check.
            self._active[state.sid] = now_s()
        batch = self._sequencer.number(state, head, bodies, last)
        if batch.lines:
            try:
                self._put(state, batch)
            except OSError as error:
                self._take_back(state, batch)
                self._meet_full_disk(peer, head, len(bodies), error)
                return
            self.disk.wrote()
        last = max(last, head.n + len(bodies) - 1)
        state.producers[head.p] = last
        self._acknowledgements.handled(peer, head, last, batch)
        if batch.is_head_changed:
            self.leases.hand_out(state)
        if batch.concerns_children:
            self.children.check()
        if batch.goes_away:
            # Only after the acknowledgement, which waits for the disk.
            self._loop.call_later(SYNC_AGAIN_S, self._put_away, state.sid, state.away)

    def _put(self, state: SessionState, batch: EventBatch) -> None:
        """Write and publish a batch. When it raises OSError, nothing was written or published."""
        content = batch.content
        journal = self.catalog.journal(state.sid)
        journal.append(content)
        self.catalog.wrote(state.sid)
        self.appended += len(batch.lines)
        self.catalog.torn.pop(state.sid, None)
        self._active[state.sid] = now_s()
        if self._beat is None:
            self._beat = self._loop.call_later(BEAT_S, self._on_beat)
            self.woken.set()
        topic = event_topic(state.sid, is_delta=batch.is_delta)
        self._pub.publish([topic, b"%d" % batch.first_seq, b"%d" % state.last_seq, b"%d" % batch.before_seq, content[:-1]])
        self._acknowledgements.wrote(journal, batch)

    def _take_back(self, state: SessionState, batch: EventBatch) -> None:
        """Undo a failed write, after which the state is ahead of the file: drop a session without lines, read any other again."""
        if state.last_seq == len(batch.lines):
            self.catalog.discard(state.sid)
        else:
            self.catalog.reload(state.sid)

    def _on_beat(self) -> None:
        """Runs every `BEAT_S` while sessions are written: one wake-up for all work that can wait that long."""
        self._beat = None
        self._acknowledgements.flush()
        if self.heartbeat():
            self._beat = self._loop.call_later(BEAT_S, self._on_beat)

    def _park(self, sid: str, peer: bytes, frames: Frames) -> None:
        """Hold a message while its long session is read in steps, so that other sessions are not delayed."""
        self._parked.setdefault(sid, []).append((peer, frames))
        if sid not in self._opening:
            self._opening[sid] = asyncio.create_task(self._open(sid), name=f"open {sid}")

    async def _open(self, sid: str) -> None:
        problem: OSError | None = None
        try:
            for _ in self.catalog.opening(sid):
                await asyncio.sleep(0)
        except OSError as error:
            problem = error
        finally:
            del self._opening[sid]
            parked = self._parked.pop(sid, [])
        for peer, frames in parked:
            if problem is None:
                self._on_append(peer, frames)
            else:
                self._meet_full_disk(peer, _append.decode(frames[0]), len(frames) - 1, problem)

    def _put_away(self, sid: str, where: str) -> None:
        state = self.catalog.states.get(sid)
        if state is not None and state.away != where:
            # It was restored meanwhile.
            return
        try:
            if not self._acknowledgements.is_waiting(sid):
                self.catalog.put_away(sid, where)
                return
        except OSError as error:
            log.error("session not moved yet", session=sid, to=where, reason=error)
        self._loop.call_later(SYNC_AGAIN_S, self._put_away, sid, where)

    def _meet_full_disk(self, peer: bytes, head: Append, count: int, error: OSError) -> None:
        self.disk.write_failed(error)
        # Other producers keep their events and resend them.
        if head.p.startswith("gateway."):
            self._acknowledgements.refused(peer, head, count, full_disk.refusal(error))

    def _end_turns_after_full_disk(self) -> None:
        for state in list(self.catalog.states.values()):
            if ending := full_disk.ending(state):
                self.write_events(state, ending)
