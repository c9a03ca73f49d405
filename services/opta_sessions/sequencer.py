"""Numbers the events of an append: decides for each event whether it may be written, and stamps its line.

It applies each line to the session's state in memory and returns the lines as an `EventBatch`. When writing them fails, the
caller reads the state again from the journal.
**Invariant:** this module uses no socket and no file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from opta_core.clock import utc_now
from opta_protocol import wire
from opta_protocol.commands import Append, AppendResult
from opta_protocol.error_info import ErrorCode, ErrorInfo
from opta_protocol.events import DELTA_NAMES, ENDING_NAMES, Event, SessionCancelled, TurnError, TurnQueued, TurnStart, Warning
from opta_protocol.worktree import ENDED_STATES

from .journal import LINE_BYTES_MAX
from .session_state import LIMITED, SessionState, read_call, read_done, read_turn_start
from .turn_control import CONTROL_NAMES, control_refusal, pause_refusal

# Durable events are acknowledged only when they are on the disk.
DURABLE_NAMES = frozenset(
    {
        "session.start",
        "session.updated",
        "session.cleared",
        "session.note",
        "session.worktree",
        "turn.start",
        "turn.edited",
        "turn.steer",
        "turn.pausing",
        "turn.resumed",
        "turn.stopping",
        "permission.request",
        "permission.decision",
        "question.asked",
        "question.answered",
        "child.start",
        "tool.start",
        "tool.result",
        "files.changed",
        "turn.undone",
        "turn.redone",
        "hook.start",
        "hook.result",
    }
    | ENDING_NAMES
)
# After these, turns of sub-agents may have to be stopped, paused or resumed.
_PASSED_ON = frozenset({"turn.start", "turn.stopping", "turn.pausing", "turn.resumed"} | ENDING_NAMES)
# The store adds seq, time and checksum to the body.
BODY_BYTES_MAX = LINE_BYTES_MAX - 1024


@dataclass
class EventBatch:
    """Numbered lines of one session that are not written yet, and the results for their producer.

    `before_seq` is the seq of the last line before the batch that is not a delta. `is_durable`: the acknowledgement waits for the
    disk. `is_head_changed`: a turn was opened or ended, so another turn may be the next to run. `concerns_children`: what holds for a
    turn may have to hold for its sub-agents now.
    """

    first_seq: int
    before_seq: int
    lines: list[bytes] = field(default_factory=list[bytes])
    results: list[AppendResult] = field(default_factory=list[AppendResult])
    is_delta: bool = True
    is_durable: bool = False
    is_head_changed: bool = False
    goes_away: bool = False
    concerns_children: bool = False

    @property
    def content(self) -> bytes:
        """The lines as they are appended to the journal."""
        return b"\n".join(self.lines) + b"\n"

    @property
    def noteworthy(self) -> list[AppendResult]:
        """The results for the acknowledgement: all of a durable batch, else those other than "written"."""
        return [result for result in self.results if self.is_durable or result.turn or result.status != "written"]


class Sequencer:
    """Decides on events and numbers them. `boot` is the boot id of the store.

    `torn` maps a session to the bytes that were cut off its journal and are not reported in it yet. `admits` returns whether
    the agent of an incarnation may still write. `fenced` counts the fenced events.
    """

    def __init__(self, boot: str, torn: dict[str, int], admits: Callable[[int], bool]):
        self._producer = f"store.{boot}"
        self._torn, self._admits = torn, admits
        self.fenced = 0

    def begin(self, state: SessionState) -> EventBatch:
        """A new batch. Its first line reports a torn journal tail that is not reported yet."""
        batch = EventBatch(first_seq=state.last_seq + 1, before_seq=state.durable_seq)
        if size := self._torn.get(state.sid):
            self.add_event(state, batch, _torn_warning(state.sid, size))
        return batch

    def add_event(self, state: SessionState, batch: EventBatch, event: Event) -> None:
        """Add an event that the store itself creates."""
        number = state.producers.get(self._producer, 0) + 1
        _add_line(state, batch, wire.encode_body(event), (self._producer, number))
        batch.is_durable = True
        batch.is_head_changed |= isinstance(event, SessionCancelled | TurnError | TurnStart)

    def number(self, state: SessionState, head: Append, bodies: list[bytes], last: int) -> EventBatch:
        """Decide on each body and number its line. Bodies up to number `last` were handled before and get the same result."""
        batch = self.begin(state)
        answers = state.answers(head.p)
        for number in range(head.base, head.n):
            # Events before these, whose acknowledgement was lost: that of these counts for them, too.
            if known := answers.get(number):
                batch.results.append(known)
                batch.is_durable = True
        for number, body in enumerate(bodies, head.n):
            if number <= last:
                if known := answers.get(number):
                    batch.results.append(known)
                batch.is_durable = True
                continue
            header = wire.read_header(body)
            refusal = self._refusal(state, head, header, body)
            if refusal is None:
                result = self._accept(state, batch, header, body, (head.p, number))
            else:
                result = msgspec.structs.replace(refusal, n=number)
                # The first result for this key may still wait for the disk; so must this one.
                batch.is_durable |= result.repeated
            batch.results.append(result)
            if result.turn or result.status != "written":
                answers.keep(number, result)
        return batch

    def _accept(self, state: SessionState, batch: EventBatch, header: wire.Header, body: bytes, author: tuple[str, int]) -> AppendResult:
        name = header.event
        result = AppendResult(n=author[1], status="written", seq=state.last_seq + 1)
        if name == "turn.start":
            result = msgspec.structs.replace(result, turn=f"t{state.last_turn + 1}", queued=bool(state.open_turns))
            sid = state.sid.encode()
            body = body.replace(b'"sid":"%b",' % sid, b'"sid":"%b","turn":"%b",' % (sid, result.turn.encode()), 1)
        ended = state.open_turns.get(header.turn) if name == "turn.done" else None
        _add_line(state, batch, body, author, is_delta=name in DELTA_NAMES)
        batch.is_durable |= name in DURABLE_NAMES
        batch.concerns_children |= name in _PASSED_ON
        batch.is_head_changed |= name == "turn.start" or name in ENDING_NAMES
        batch.goes_away |= name == "session.updated" and bool(state.away)
        if ended and (unread := ended.waiting_steers) and read_done(body).finish not in LIMITED:
            # They came as the turn ended, and were meant for it: words for a plan begin no turn that writes.
            turn, text = f"t{state.last_turn + 1}", "\n\n".join(unread)
            self.add_event(
                state,
                batch,
                TurnStart(sid=state.sid, turn=turn, role="user", text=text, mode=ended.mode, level=ended.level, model=ended.model),
            )
        if result.queued:
            self.add_event(state, batch, TurnQueued(sid=state.sid, turn=result.turn, position=len(state.open_turns) - 1))
        elif name == "turn.stopping" and (waiting := state.open_turns.get(header.turn)) and waiting is not state.head():
            cancelled = SessionCancelled(sid=state.sid, turn=header.turn, reason="Stopped before it started.", by="client")
            self.add_event(state, batch, cancelled)
        return result

    def _refusal(self, state: SessionState, head: Append, header: wire.Header, body: bytes) -> AppendResult | None:
        """Why an event may not be written; None when it may."""
        if state.is_damaged:
            return _refused(
                ErrorCode.broken,
                f"The journal of s-{state.sid} is damaged in the middle, so no events can be added. Its readable part can still be read. "
                f"To continue the session: opta sessions repair {state.sid}",
            )
        if len(body) > BODY_BYTES_MAX:
            return _refused(ErrorCode.too_large, f"The event has {len(body)} bytes; the limit is {BODY_BYTES_MAX}.")
        if header.event == "session.start":
            return _refused(ErrorCode.conflict, f"Session s-{state.sid} already exists.") if state.last_seq else None
        if state.away and header.event != "session.updated":
            return _refused(ErrorCode.not_found, f"There is no session s-{state.sid}: it is in the {state.away}.")
        if header.event == "turn.start":
            return _refused_prompt(state, body)
        if not header.turn:
            return None
        if header.event in CONTROL_NAMES:
            return control_refusal(state, header, body)
        if header.event in ("turn.undone", "turn.redone"):
            # It is a fact about files by now, so it is written also when another turn has begun meanwhile.
            is_running = header.turn in state.open_turns
            return _refused(ErrorCode.busy, f"{header.turn} of s-{state.sid} has not ended. Undo it then.") if is_running else None
        if header.event == "files.changed" and header.turn[1:].isdecimal() and 0 < int(header.turn[1:]) <= state.last_turn:
            # What a command changed is known after it ended; a background command may end after its turn, or be ended by a kill.
            return None
        if header.turn not in state.open_turns or (head.p.startswith("agent.") and not self._admits(head.incarnation)):
            self.fenced += 1
            return AppendResult(n=0, status="fenced")
        if header.event == "turn.paused":
            return pause_refusal(state, header.turn)
        return _refused_call(state, header, body)


def _refused_prompt(state: SessionState, body: bytes) -> AppendResult | None:
    fields = read_turn_start(body)
    known = state.keys.get(fields.key) if fields.key else None
    if known is None:
        if state.worktree is not None and state.worktree.state in ENDED_STATES:
            return _refused(
                ErrorCode.conflict,
                f"The worktree of s-{state.sid} was {state.worktree.state}, so there is no folder to work in. Start a new session.",
            )
        if fields.resumes and fields.resumes != state.resumable:
            return _refused(
                ErrorCode.conflict,
                f"s-{state.sid} has nothing to resume: its last turn succeeded, is still running, or is another one.",
            )
        if fields.fromPlan and (doing := next((open for open in state.open_turns.values() if open.from_plan == fields.fromPlan), None)):
            return _refused(ErrorCode.conflict, f"The plan of {fields.fromPlan} was accepted already: {doing.turn} carries it out.")
        return None
    turn, seq, known_body = known
    if known_body != fields.body:
        return _refused(ErrorCode.invalid, "This Idempotency-Key was used for another prompt. Use a new key for a new prompt.")
    return AppendResult(n=0, status="written", seq=seq, turn=turn, repeated=True)


def _refused_call(state: SessionState, header: wire.Header, body: bytes) -> AppendResult | None:
    if header.event == "permission.decision":
        fields = read_call(body)
        if fields.requestId and fields.requestId not in state.pending:
            return _refused(ErrorCode.conflict, "This question has already been answered.")
    elif header.event == "question.answered":
        if read_call(body).questionId not in state.pending:
            return _refused(ErrorCode.conflict, "This question has already been answered.")
    elif header.event in ("tool.start", "tool.result"):
        call = read_call(body).callId
        if call not in state.asked_calls and call not in state.ended_calls:
            return _refused(ErrorCode.conflict, f"There is no request for the call {call[:20]!r}.")
        # A call with effects starts once, and every call ends once.
        if call in state.ended_calls or (header.event == "tool.start" and state.changing_calls.get(call)):
            return AppendResult(n=0, status="known")
    return None


def _add_line(state: SessionState, batch: EventBatch, body: bytes, author: tuple[str, int], *, is_delta: bool = False) -> None:
    """Stamp a body of `author` (producer, number) as the session's next line."""
    producer, number = author
    line = wire.stamp(body, state.last_seq + 1, utc_now(), producer, number)
    if is_delta:
        state.apply_delta(producer, number)
    else:
        state.apply(line)
        batch.is_delta = False
    batch.lines.append(line)


def _refused(code: ErrorCode, message: str) -> AppendResult:
    return AppendResult(n=0, status="refused", error=ErrorInfo(code=code, message=message))


def _torn_warning(sid: str, size: int) -> Warning:
    message = f"The end of this session's journal was incomplete: {size} bytes were cut off and are kept in {sid}.torn."
    return Warning(sid=sid, code="journal_torn", message=message)
