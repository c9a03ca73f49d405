"""The store's state of one session, reduced from its journal. It decides whether the next event may be written."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec

from opta_protocol import wire
from opta_protocol.commands import AppendResult
from opta_protocol.events import DELTA_NAMES, ENDING_NAMES, Limited
from opta_protocol.http import Session
from opta_protocol.permissions import Level, Mode, SessionPolicy
from opta_protocol.worktree import Worktree, WorktreeState

from .producer_answers import PRODUCERS_ANSWERED_MAX, Answers


class _StartFields(msgspec.Struct):
    title: str
    cwd: str
    mode: Mode
    level: Level
    model: str = ""
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    trusted: bool = False
    parent: str = ""
    parentTurn: str = ""
    parentCall: str = ""
    worktree: Worktree | None = None


class _WorktreeFields(msgspec.Struct):
    state: WorktreeState


class _TurnFields(msgspec.Struct):
    key: str = ""
    body: str = ""
    text: str = ""
    resumes: str = ""
    role: str = ""
    mode: Mode = Mode.chat
    level: Level = Level.L1
    model: str = ""
    fromPlan: str = ""


class _CallFields(msgspec.Struct):
    callId: str = ""
    requestId: str = ""
    questionId: str = ""
    risk: str = ""


class _DoneFields(msgspec.Struct):
    finish: str = ""


class _UpdateFields(msgspec.Struct):
    changes: dict[str, Any]


class _SteerRead(msgspec.Struct):
    id: str = ""
    text: str = ""


class _StepFields(msgspec.Struct):
    step: int = 0
    steers: list[_SteerRead] = []


class _KeyFields(msgspec.Struct):
    key: str = ""
    by: str = ""


class _SteerFields(msgspec.Struct):
    steerId: str = ""
    text: str = ""
    isEdit: bool = False


_start = msgspec.json.Decoder(_StartFields)
_turn = msgspec.json.Decoder(_TurnFields)
_call = msgspec.json.Decoder(_CallFields)
_step = msgspec.json.Decoder(_StepFields)
_steer = msgspec.json.Decoder(_SteerFields)
_key = msgspec.json.Decoder(_KeyFields)
_done = msgspec.json.Decoder(_DoneFields)
_update = msgspec.json.Decoder(_UpdateFields)
_worktree = msgspec.json.Decoder(_WorktreeFields)

LIMITED = frozenset(get_args(Limited))

read_turn_start = _turn.decode
read_call = _call.decode
read_steer = _steer.decode
read_key = _key.decode
read_done = _done.decode


@dataclass
class OpenTurn:
    """An accepted turn that has not ended."""

    turn: str
    seq: int = 0
    # What the turn that words begin has, when they come as this one ends: this turn's mode, and the level and model of now.
    mode: Mode = Mode.chat
    level: Level = Level.L1
    model: str = ""
    # The turn whose plan is carried out.
    from_plan: str = ""
    # The highest step that began.
    step: int = 0
    is_started: bool = False
    is_stopping: bool = False
    # A pause was asked for, or holds.
    is_pausing: bool = False
    is_paused: bool = False
    # Who paused it: client, or parent.
    paused_by: str = ""
    # Whether a model started it, for its sub-agent.
    is_delegated: bool = False
    # Steers by id: words that wait, and '' for those that a model read.
    steers: dict[str, str] = field(default_factory=dict[str, str])
    # Idempotency keys of pauses and of their ends.
    pause_keys: set[str] = field(default_factory=set[str])

    @property
    def waiting_steers(self) -> list[str]:
        """The words that no model has read."""
        return [text for text in self.steers.values() if text]


@dataclass
class SessionState:
    """The state after all lines so far. `apply` must be called with every written line."""

    sid: str
    title: str = ""
    cwd: str = ""
    mode: Mode = Mode.chat
    level: Level = Level.L1
    model: str = ""
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    trusted: bool = False
    parent: str = ""
    parent_turn: str = ""
    worktree: Worktree | None = None
    # Of a sub-agent: the call that started it.
    parent_call: str = ""
    pinned: bool = False
    archived: bool = False
    last_seq: int = 0
    # The last line that is not a delta.
    durable_seq: int = 0
    turns: int = 0
    # The highest number of a turn.
    last_turn: int = 0
    created_at: str = ""
    last_activity_at: str = ""
    last_failed: bool = False
    ended_seq: int = 0
    resumable: str = ""
    is_damaged: bool = False
    # The folder that the session is moved to: trash or archive. It is no longer listed.
    away: str = ""
    open_turns: dict[str, OpenTurn] = field(default_factory=dict[str, OpenTurn])
    producers: dict[str, int] = field(default_factory=dict[str, int])
    keys: dict[str, tuple[str, int, str]] = field(default_factory=dict[str, tuple[str, int, str]])
    pending: dict[str, str] = field(default_factory=dict[str, str])
    # Calls of open turns that have no result yet -> their turn.
    asked_calls: dict[str, str] = field(default_factory=dict[str, str])
    ended_calls: set[str] = field(default_factory=set[str])
    # Calls of open turns with effects -> whether they have started.
    changing_calls: dict[str, bool] = field(default_factory=dict[str, bool])
    _answers: OrderedDict[str, Answers] = field(default_factory=OrderedDict[str, Answers])

    def apply_delta(self, producer: str, number: int) -> None:
        """Apply the next line, a delta, without decoding it."""
        self.last_seq += 1
        self.producers[producer] = number

    def apply(self, line: bytes) -> None:
        """Apply a stored line. Raises msgspec.DecodeError for a wrong shape."""
        header = wire.read_header(line)
        self.last_seq = header.seq
        if header.n > self.producers.get(header.p, 0):
            self.producers[header.p] = header.n
        name = header.event
        if name in DELTA_NAMES:
            return
        self.durable_seq = header.seq
        if header.turn[1:].isdecimal():
            # Not the count of turns: a repaired journal may have lost the start of a turn.
            self.last_turn = max(self.last_turn, int(header.turn[1:]))
        self.last_activity_at = header.ts
        if name == "session.start":
            self._start(line, header.ts)
        elif name == "session.updated":
            self._update(_update.decode(line).changes)
        elif name == "session.worktree":
            if self.worktree is not None:
                self.worktree = msgspec.structs.replace(self.worktree, state=_worktree.decode(line).state)
        elif name == "turn.start":
            fields = _turn.decode(line)
            self.turns += 1
            self.resumable = ""
            queued = bool(self.open_turns)
            self.open_turns[header.turn] = OpenTurn(
                header.turn,
                header.seq,
                mode=fields.mode,
                level=fields.level,
                model=fields.model,
                from_plan=fields.fromPlan,
                is_delegated=fields.role == "agent",
            )
            answer = AppendResult(n=header.n, status="written", seq=header.seq, turn=header.turn, queued=queued)
            self.answers(header.p).keep(header.n, answer)
            if fields.key:
                self.keys[fields.key] = (header.turn, header.seq, fields.body)
            if not self.title:
                self.title = " ".join(fields.text.split())[:60]
        elif name == "permission.request":
            fields = _call.decode(line)
            self.pending[fields.requestId] = header.turn
        elif name == "permission.decision":
            self.pending.pop(_call.decode(line).requestId, None)
        elif name == "question.asked":
            self.pending[_call.decode(line).questionId] = header.turn
        elif name == "question.answered":
            self.pending.pop(_call.decode(line).questionId, None)
        elif name == "tool.call":
            fields = _call.decode(line)
            self.asked_calls[fields.callId] = header.turn
            if fields.risk != "read":
                self.changing_calls[fields.callId] = False
        elif name == "tool.start":
            fields = _call.decode(line)
            if fields.callId in self.changing_calls:
                self.changing_calls[fields.callId] = True
        elif name == "tool.result":
            fields = _call.decode(line)
            self.asked_calls.pop(fields.callId, None)
            self.ended_calls.add(fields.callId)
            self.changing_calls.pop(fields.callId, None)
        elif name in ENDING_NAMES:
            self.open_turns.pop(header.turn, None)
            self.asked_calls = {call: turn for call, turn in self.asked_calls.items() if turn != header.turn}
            self.pending = {request: turn for request, turn in self.pending.items() if turn != header.turn}
            self.last_failed = name == "turn.error"
            self.ended_seq = header.seq
            has_ended_well = name == "turn.done" and _done.decode(line).finish not in LIMITED
            self.resumable = "" if has_ended_well or self.open_turns else header.turn
        else:
            self._apply_turn_state(name, header.turn, line)

    def answers(self, producer: str) -> Answers:
        """The stored results of a producer."""
        known = self._answers.get(producer)
        if known is None:
            known = self._answers[producer] = Answers()
            if len(self._answers) > PRODUCERS_ANSWERED_MAX:
                self._answers.popitem(last=False)
        return known

    def head(self) -> OpenTurn | None:
        """The open turn that may run: the first accepted one; None when there is none."""
        return next(iter(self.open_turns.values()), None)

    def delegated(self) -> OpenTurn | None:
        """Of a sub-agent: its open turn that its parent waits for."""
        return next((turn for turn in self.open_turns.values() if turn.is_delegated), None) if self.parent_call else None

    def summary(self) -> Session:
        """The session as in lists."""
        return Session(
            id=self.sid,
            title=self.title,
            cwd=self.cwd,
            mode=self.mode,
            model=self.model,
            level=self.level,
            state=self._state(),
            turns=self.turns,
            createdAt=self.created_at,
            lastActivityAt=self.last_activity_at,
            lastSeq=self.last_seq,
            pinned=self.pinned,
            archived=self.archived,
            pending=len(self.pending),
            policy=self.policy,
            interactive=self.interactive,
            activeTurn=head.turn if (head := self.head()) else "",
            resumable=self.resumable,
            trusted=self.trusted,
            parent=self.parent,
            parentTurn=self.parent_turn,
            worktree=self.worktree,
            parentCall=self.parent_call,
            step=head.step if head else 0,
            endedSeq=self.ended_seq,
        )

    def _state(self) -> Any:
        if self.is_damaged:
            return "failed"
        head = self.head()
        if head is None:
            return "failed" if self.last_failed else "idle"
        if self.pending:
            return "waiting"
        return "paused" if head.is_paused else "running"

    def _start(self, line: bytes, ts: str) -> None:
        fields = _start.decode(line)
        self.title, self.cwd, self.mode, self.level, self.model = fields.title, fields.cwd, fields.mode, fields.level, fields.model
        self.policy, self.interactive, self.trusted = fields.policy, fields.interactive, fields.trusted
        self.parent, self.parent_turn, self.parent_call = fields.parent, fields.parentTurn, fields.parentCall
        self.worktree = fields.worktree
        self.created_at = ts

    def _update(self, changes: dict[str, Any]) -> None:
        for name in ("title", "model", "pinned", "archived"):
            if name in changes:
                setattr(self, name, changes[name])
        for name, folder in (("trashed", "trash"), ("pruned", "archive")):
            if name in changes:
                self.away = folder if changes[name] else ""
        if "mode" in changes:
            self.mode = Mode(changes["mode"])
        if "level" in changes:
            self.level = Level(changes["level"])
        for turn in self.open_turns.values():
            turn.level = self.level if "level" in changes else turn.level
            turn.model = self.model if "model" in changes else turn.model

    def _apply_turn_state(self, name: str, turn_id: str, line: bytes) -> None:
        turn = self.open_turns.get(turn_id)
        if turn is None:
            return
        if name == "step.start":
            turn.is_started, turn.is_paused = True, False
            fields = _step.decode(line)
            turn.step = max(turn.step, fields.step)
            for read in fields.steers:
                # Words that were changed meanwhile wait on.
                if turn.steers.get(read.id, read.text) == read.text:
                    turn.steers[read.id] = ""
        elif name == "turn.steer":
            steer = _steer.decode(line)
            if steer.text:
                turn.steers[steer.steerId] = steer.text
            else:
                turn.steers.pop(steer.steerId, None)
        elif name == "turn.pausing":
            fields = _key.decode(line)
            turn.is_pausing, turn.paused_by = True, fields.by
            turn.pause_keys.add(fields.key)
        elif name == "turn.stopping":
            turn.is_stopping = True
        elif name == "turn.paused":
            turn.is_pausing = turn.is_paused = True
        elif name == "turn.resumed":
            turn.is_pausing = turn.is_paused = False
            turn.paused_by = ""
            turn.pause_keys.add(_key.decode(line).key)
