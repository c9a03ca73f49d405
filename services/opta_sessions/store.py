"""The sequencer: takes events from producers, numbers them, writes them, publishes them, acknowledges them.

Promises: a published line is in the file; an acknowledged class-1 line is on the disk; each (p, n) of
a session is written once; a turn ends once; only the live agent writes into running turns.
Invariant: nothing but this process writes journals, and nothing here waits for the disk on the loop.
"""

import asyncio
from dataclasses import dataclass, field

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.clock import now_s, utc_now
from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_protocol import wire
from opta_protocol.commands import Ack, Append, AppendResult, Beat
from opta_protocol.errors import ErrorCode, ErrorInfo
from opta_protocol.events import DELTA_NAMES, ENDING_NAMES, Event, SessionCancelled, TurnError, TurnQueued, Warning
from opta_protocol.http import Repair
from opta_protocol.topics import HEARTBEAT, STORE_IN, STORE_PUB, event_topic

from .append_checks import not_an_append
from .catalog import SessionCatalog
from .journal import LINE_BYTES_MAX, Journal
from .leases import Leases
from .state import SessionState, read_call, read_turn_start
from .storage import Storage
from .sync import Syncer, SyncerKind

# These wait for the disk before their acknowledgement.
CLASS_1 = frozenset(
    {
        "session.start",
        "session.updated",
        "session.cleared",
        "session.note",
        "turn.start",
        "turn.stopping",
        "permission.request",
        "permission.decision",
        "tool.start",
        "tool.result",
    }
    | ENDING_NAMES
)
# The store's stamps come on top of it.
BODY_BYTES_MAX = LINE_BYTES_MAX - 1024
SYNC_AGAIN_S = 0.2
# Lost and dropped lines that a repair tells one by one.
TOLD_MAX = 100
# Tokens are synced and acknowledged together: well before a producer sends again, and before its window is full.
BEAT_S, LATE_EVENTS_MAX = 0.1, 256

_append = msgspec.json.Decoder(Append)
_encode = msgspec.json.Encoder().encode
log = Log("store")


@dataclass
class _Batch:
    """Lines prepared for one session, and what to tell the producer."""

    lines: list[bytes] = field(default_factory=list[bytes])
    first_seq: int = 0
    firm_before: int = 0
    is_delta: bool = True
    results: list[AppendResult] = field(default_factory=list[AppendResult])
    is_class_1: bool = False
    opened: list[str] = field(default_factory=list[str])
    ended: bool = False
    goes_away: bool = False


class Store:
    """Wiring of the store's sockets to the shelf. `boot` names this start of it."""

    def __init__(self, bus: Bus, catalog: SessionCatalog, storage: Storage, boot: str, syncer: SyncerKind = Syncer):
        self.catalog, self.storage, self.boot = catalog, storage, boot
        self._loop = asyncio.get_running_loop()
        self._in = bus.router(STORE_IN, self._on_append)
        self._pub = bus.publisher(STORE_PUB)
        self._syncer = syncer(self._on_synced)
        # Session -> (bytes that have to be on the disk, peer, its acknowledgement)
        self._unsynced: dict[str, list[tuple[int, bytes, bytes]]] = {}
        self._late: dict[tuple[str, str], tuple[bytes, Append, int, int]] = {}
        self._active: dict[str, float] = {}
        # Long sessions that are being read, and what has to wait for that.
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._parked: dict[str, list[tuple[bytes, Frames]]] = {}
        self._is_sync_failing = False
        self._beat: asyncio.TimerHandle | None = None
        self.fenced = 0
        self.appended = 0
        self.leases = Leases(bus, self)

    def look(self) -> None:
        """Called often: notices a disk that works again."""
        if not self._is_sync_failing and self.storage.look():
            self._end_turns_after_full_disk()

    def close(self) -> None:
        """Make everything durable and leave."""
        self._syncer.close()
        self.catalog.close()

    def heartbeat(self) -> bool:
        """Publish the last seq of sessions that changed lately; False when nothing did."""
        now = now_s()
        self._active = {sid: at for sid, at in self._active.items() if now - at < 2 and self.catalog.has(sid)}
        states = [state for sid in self._active if (state := self.catalog.states.get(sid))]
        beat = Beat(boot=self.boot, last={s.sid: s.last_seq for s in states}, firm={s.sid: s.firm_seq for s in states})
        self._pub.publish([HEARTBEAT, _encode(beat)])
        return bool(states)

    def _on_beat(self) -> None:
        """Ten times a second while something happens: what need not be done at once, at one wake-up for all of it."""
        self._beat = None
        self._syncer.flush()
        late, self._late = self._late, {}
        for peer, head, last, _ in late.values():
            self._ack(peer, head, last, [])
        if self.heartbeat():
            self._beat = self._loop.call_later(BEAT_S, self._on_beat)

    # appending --------------------------------------------------------------------------------------

    def _on_append(self, peer: bytes, frames: Frames) -> None:
        try:
            head = _append.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable append", reason=error)
            return
        bodies = frames[1:]
        if problem := not_an_append(head, bodies):
            log.error("append dropped", producer=head.p[:40], reason=problem)
            return
        if self.catalog.is_slow(head.sid):
            self._park(head.sid, peer, frames)
            return
        try:
            state = self.catalog.state(head.sid)
        except OSError as error:
            self._meet_full_disk(peer, head, len(bodies), error)
            return
        if state is None:
            if not bodies or wire.read_header(bodies[0]).event != "session.start":
                unknown = ErrorInfo(code=ErrorCode.not_found, message=f"There is no session s-{head.sid}.")
                last = head.n + len(bodies) - 1
                self._ack(peer, head, last, [AppendResult(n=n, status="refused", error=unknown) for n in range(head.n, last + 1)])
                return
            try:
                state = self.catalog.create(head.sid)
            except OSError as error:
                self._meet_full_disk(peer, head, len(bodies), error)
                return
        last = state.producers.get(head.p, 0)
        state.answers(head.p).forget(head.base)
        if head.base - 1 > last:
            last = head.base - 1  # everything below was handled, if not written
        if head.n > last + 1:
            self._acknowledge(state, peer, head, last, _Batch(is_class_1=True))
            return
        if head.n <= last:
            # Sent again: perhaps it was written and never published, so let followers look.
            self._active[state.sid] = now_s()
        batch = self._prepare(state, head, bodies, last)
        if batch.lines and not self._write(state, batch, peer, head, len(bodies)):
            return
        last = max(last, head.n + len(bodies) - 1)
        state.producers[head.p] = last
        self._acknowledge(state, peer, head, last, batch)
        if batch.opened or batch.ended:
            self.leases.hand_out(state)
        if batch.goes_away:
            # After the acknowledgement, which waits for the disk.
            self._loop.call_later(SYNC_AGAIN_S, self._put_away, state.sid, state.away)

    def _park(self, sid: str, peer: bytes, frames: Frames) -> None:
        """Keep a message until its session, a long one, is read in steps; other sessions go on meanwhile."""
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
        if sid in self._unsynced:
            # Whoever put it away still waits for the disk, and for the answer.
            self._loop.call_later(SYNC_AGAIN_S, self._put_away, sid, where)
            return
        try:
            self.catalog.put_away(sid, where)
        except OSError as error:
            log.error("session not put away yet", session=sid, to=where, reason=error)
            self._loop.call_later(SYNC_AGAIN_S, self._put_away, sid, where)

    def _prepare(self, state: SessionState, head: Append, bodies: list[bytes], last: int) -> _Batch:
        """Decide on each new body and number the lines; the state moves along line by line."""
        batch = self._batch(state)
        answers = state.answers(head.p)
        for number, body in enumerate(bodies, head.n):
            if number <= last:
                # Handled before, and its answer was lost: the same answer, once it is on the disk.
                if known := answers.get(number):
                    batch.results.append(known)
                batch.is_class_1 = True
                continue
            header = wire.read_header(body)
            result = self._refusal(state, head, header, body)
            if result is None:
                if header.event == "turn.start":
                    turn = f"t{state.last_turn + 1}"
                    body = body.replace(
                        b'"sid":"%b",' % head.sid.encode(), b'"sid":"%b","turn":"%b",' % (head.sid.encode(), turn.encode()), 1
                    )
                    queued = bool(state.open_turns)
                    result = AppendResult(n=number, status="written", seq=state.last_seq + 1, turn=turn, queued=queued)
                    batch.opened.append(turn)
                else:
                    result = AppendResult(n=number, status="written", seq=state.last_seq + 1)
                self._line(state, batch, body, head.p, number, is_delta=header.event in DELTA_NAMES)
                batch.is_class_1 |= header.event in CLASS_1
                batch.ended |= header.event in ENDING_NAMES
                batch.goes_away |= header.event == "session.updated" and bool(state.away)
                if header.event == "turn.start":
                    if len(state.open_turns) > 1:
                        self._own(state, batch, TurnQueued(sid=state.sid, turn=result.turn, position=len(state.open_turns) - 1))
                elif header.event == "turn.stopping" and (waiting := state.open_turns.get(header.turn)) and waiting is not state.head():
                    self._own(
                        state, batch, SessionCancelled(sid=state.sid, turn=header.turn, reason="Stopped before it started.", by="client")
                    )
            else:
                result = msgspec.structs.replace(result, n=number)
                # The first answer to this key may still wait for the disk; so does this one.
                batch.is_class_1 |= result.repeated
            batch.results.append(result)
            if result.turn or result.status != "written":
                answers.keep(number, result)
        return batch

    def _batch(self, state: SessionState) -> _Batch:
        """An empty one, or with the news that the journal's end was cut off."""
        batch = _Batch(first_seq=state.last_seq + 1, firm_before=state.firm_seq)
        if size := self.catalog.torn.get(state.sid):
            self._own(state, batch, _torn_off(state.sid, size))
        return batch

    def _refusal(self, state: SessionState, head: Append, header: wire.Header, body: bytes) -> AppendResult | None:
        """Why an event may not be written; None when it may."""
        if state.is_damaged:
            return _refused(
                ErrorCode.broken,
                f"The journal of s-{state.sid} is damaged in the middle and takes no more events. Its readable part stays open. "
                f"Go on with it: opta sessions repair {state.sid}",
            )
        if len(body) > BODY_BYTES_MAX:
            return _refused(ErrorCode.too_large, f"An event of {len(body)} bytes is more than a journal takes ({BODY_BYTES_MAX}).")
        if header.event == "session.start":
            return _refused(ErrorCode.conflict, f"There is a session s-{state.sid} already.") if state.last_seq else None
        if state.away and header.event != "session.updated":
            return _refused(ErrorCode.not_found, f"There is no session s-{state.sid}: it is in the {state.away}.")
        if header.event == "turn.start":
            fields = read_turn_start(body)
            known = state.keys.get(fields.key) if fields.key else None
            if known is None:
                if fields.resumes and fields.resumes != state.resumable:
                    return _refused(
                        ErrorCode.conflict, f"s-{state.sid} has nothing to resume: its last turn ended well, is at work, or is another one."
                    )
                return None
            if known[2] != fields.body:
                return _refused(ErrorCode.invalid, "This Idempotency-Key was used for another prompt. Take a new key for a new prompt.")
            return AppendResult(n=0, status="written", seq=known[1], turn=known[0], repeated=True)
        if not header.turn:
            return None
        if header.event == "turn.undone":
            busy = bool(state.open_turns)
            return _refused(ErrorCode.busy, f"s-{state.sid} is at work; undo when it has ended.") if busy else None
        if header.turn not in state.open_turns or (head.p.startswith("agent.") and not self.leases.admits(head.life)):
            self.fenced += 1
            return AppendResult(n=0, status="fenced")
        if header.event == "permission.decision":
            fields = read_call(body)
            if fields.requestId and fields.requestId not in state.pending:
                return _refused(ErrorCode.conflict, "This question was answered already.")
        elif header.event in ("tool.start", "tool.result"):
            call = read_call(body).callId
            if call not in state.asked_calls and call not in state.ended_calls:
                return _refused(ErrorCode.conflict, f"Nobody asked for the call {call[:20]!r}.")
            # What changes something begins once, and whatever began ends once.
            if call in state.ended_calls or (header.event == "tool.start" and state.changing_calls.get(call)):
                return AppendResult(n=0, status="known")
        return None

    def _line(self, state: SessionState, batch: _Batch, body: bytes, producer: str, number: int, *, is_delta: bool = False) -> None:
        line = wire.stamp(body, state.last_seq + 1, utc_now(), producer, number)
        if is_delta:
            state.apply_delta(producer, number)
        else:
            state.apply(line)
            batch.is_delta = False
        batch.lines.append(line)

    def _own(self, state: SessionState, batch: _Batch, event: Event) -> None:
        """Add an event that the store itself authors."""
        producer = f"store.{self.boot}"
        number = state.producers.get(producer, 0) + 1
        self._line(state, batch, wire.encode_body(event), producer, number)
        batch.is_class_1 = True
        batch.ended |= isinstance(event, SessionCancelled | TurnError)

    def _write(self, state: SessionState, batch: _Batch, peer: bytes, head: Append, count: int) -> bool:
        try:
            self._put(state, batch)
        except OSError as error:
            # The state ran ahead of the file; read it again on the next use.
            if state.last_seq == len(batch.lines):
                self.catalog.discard(state.sid)
            else:
                self.catalog.reload(state.sid)
            self._meet_full_disk(peer, head, count, error)
            return False
        if not self._is_sync_failing and self.storage.worked():
            self._end_turns_after_full_disk()
        return True

    def _put(self, state: SessionState, batch: _Batch) -> None:
        """Write and publish. Raises OSError, and then nothing was written or published."""
        content = b"\n".join(batch.lines) + b"\n"
        journal = self.catalog.journal(state.sid)
        journal.append(content)
        self.catalog.wrote(state.sid)
        self.appended += len(batch.lines)
        self.catalog.torn.pop(state.sid, None)
        self._active[state.sid] = now_s()
        if self._beat is None:
            self._beat = self._loop.call_later(BEAT_S, self._on_beat)
        topic = event_topic(state.sid, is_delta=batch.is_delta)
        self._pub.publish([topic, b"%d" % batch.first_seq, b"%d" % state.last_seq, b"%d" % batch.firm_before, content[:-1]])
        self._syncer.add(journal, is_urgent=batch.is_class_1)

    def write_own(self, state: SessionState, *events: Event) -> None:
        """Write events that the store authors (agent lost, storage was full)."""
        if state.is_damaged:
            return
        batch = self._batch(state)
        for event in events:
            self._own(state, batch, event)
        try:
            self._put(state, batch)
        except OSError as error:
            self.catalog.reload(state.sid)
            log.error("own event not written", reason=error)
            self.storage.failed(error)
            return
        self.leases.hand_out(state)

    # acknowledging ----------------------------------------------------------------------------------

    def _acknowledge(self, state: SessionState, peer: bytes, head: Append, last: int, batch: _Batch) -> None:
        journal = self.catalog.journal(state.sid)
        told = [result for result in batch.results if result.turn or result.status != "written" or batch.is_class_1]
        waiting = self._unsynced.get(state.sid)
        if batch.is_class_1 or waiting:
            ack = _encode(Ack(p=head.p, sid=head.sid, n=last, boot=self.boot, results=told))
            self._unsynced.setdefault(state.sid, []).append((journal.size, peer, ack))
            self._syncer.add(journal)
            self._late.pop((head.p, head.sid), None)
        elif told:
            self._ack(peer, head, last, told)
        else:
            self._ack_late(peer, head, last, len(batch.lines))

    def _ack_late(self, peer: bytes, head: Append, last: int, count: int) -> None:
        """Nobody waits for these: one acknowledgement for what arrives in the next moment."""
        key = (head.p, head.sid)
        waiting = self._late.get(key)
        count += waiting[3] if waiting else 0
        if count >= LATE_EVENTS_MAX:
            self._late.pop(key, None)
            self._ack(peer, head, last, [])
            return
        self._late[key] = (peer, head, last, count)

    def _ack(self, peer: bytes, head: Append, last: int, results: list[AppendResult]) -> None:
        self._in.send(peer, [_encode(Ack(p=head.p, sid=head.sid, n=last, boot=self.boot, results=results))])

    def _on_synced(self, journal: Journal, size: int, error: OSError | None) -> None:
        if error is not None:
            log.error("sync failed", file=journal.file.name, reason=error)
            self.storage.failed(error)
            self._is_sync_failing = True
            self._loop.call_later(SYNC_AGAIN_S, self._sync_again, journal.file.stem)
            return
        if self._is_sync_failing:
            self._is_sync_failing = False
            self.storage.worked()
        sid = journal.file.stem
        if journal.is_closed:
            # Opened anew meanwhile: only a sync of what is open now counts.
            self._sync_again(sid)
            return
        waiting = self._unsynced.pop(sid, [])
        late = [entry for entry in waiting if entry[0] > size]
        for _, peer, ack in waiting[: len(waiting) - len(late)]:
            self._in.send(peer, [ack])
        if late:
            self._unsynced[sid] = late
            self._syncer.add(journal)

    def _sync_again(self, sid: str) -> None:
        if sid not in self._unsynced or not self.catalog.has(sid):
            return
        try:
            self._syncer.add(self.catalog.journal(sid))
        except OSError as error:
            log.error("journal not opened for its sync", session=sid, reason=error)
            self._loop.call_later(SYNC_AGAIN_S, self._sync_again, sid)

    # repairing --------------------------------------------------------------------------------------

    async def repair(self, sid: str, *, is_wanted: bool) -> Repair:
        """What a repair keeps and drops, or with `is_wanted` the repair itself. Raises OptaError; a damaged session takes no events meanwhile."""
        try:
            state = self.catalog.state(sid)
            if state is None:
                raise Refused(f"There is no session s-{sid}.", code=ErrorCode.not_found)
            if not state.is_damaged:
                return Repair(id=sid, damaged=False, applied=False, kept=state.last_seq)
            made, copy = await asyncio.to_thread(self.catalog.mend, sid, is_wanted=is_wanted)
            if is_wanted:
                self.catalog.reload(sid)
        except OSError as error:
            raise Unavailable(f"s-{sid} was not repaired, and is as it was: {error.strerror or error}.") from error
        report = Repair(
            id=sid,
            damaged=True,
            applied=is_wanted,
            kept=made.kept,
            lost=len(made.lost),
            lostSeqs=made.lost[:TOLD_MAX],
            dropped=len(made.dropped),
            droppedLines=made.dropped[:TOLD_MAX],
            copy=copy,
        )
        if is_wanted and (state := self.catalog.states.get(sid)) is not None:
            log.info("journal repaired", session=sid, kept=report.kept, lost=report.lost, dropped=report.dropped, copy=copy)
            self.write_own(state, _repaired(report))
        return report

    # a full disk ------------------------------------------------------------------------------------

    def _meet_full_disk(self, peer: bytes, head: Append, count: int, error: OSError) -> None:
        self.storage.failed(error)
        if not head.p.startswith("gateway."):
            return  # the producer keeps it and sends it again
        reason = error.strerror or "I/O error"
        full = ErrorInfo(
            code=ErrorCode.storage_full,
            message=f"The disk takes no more events ({reason}). Free some space; nothing accepted is lost.",
            retryable=True,
            retry_after_s=2,
        )
        last = head.n + count - 1
        self._ack(peer, head, last, [AppendResult(n=n, status="refused", error=full) for n in range(head.n, last + 1)])

    def _end_turns_after_full_disk(self) -> None:
        for state in list(self.catalog.states.values()):
            if (head := state.head()) and head.is_started:
                self.write_own(
                    state,
                    TurnError(
                        sid=state.sid,
                        turn=head.turn,
                        code=ErrorCode.storage_full,
                        message="The disk was full for too long. What was shown is kept; ask again to go on.",
                        domain="orchestration",
                        retryable=True,
                        resumable=True,
                    ),
                )


def _refused(code: ErrorCode, message: str) -> AppendResult:
    return AppendResult(n=0, status="refused", error=ErrorInfo(code=code, message=message))


def _repaired(report: Repair) -> Warning:
    message = (
        f"This session's journal was damaged and is repaired: {report.kept} lines are kept, {report.lost} are lost, "
        f"{report.dropped} were dropped. The damaged file is kept as {report.copy}."
    )
    return Warning(sid=report.id, code="journal_repaired", message=message)


def _torn_off(sid: str, size: int) -> Warning:
    message = f"The end of this session's journal was not whole: {size} bytes were cut off and are kept in {sid}.torn."
    return Warning(sid=sid, code="journal_torn", message=message)
