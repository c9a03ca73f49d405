"""What the agent knows of one session: its transcript, and who waits for which event in it."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from opta_core.fold import Fold
from opta_core.transcript import Call, Transcript
from opta_protocol import wire
from opta_protocol.events import (
    DELTA_NAMES,
    AnyEvent,
    ContextCompacted,
    ContextFolded,
    HookResult,
    HookStart,
    PermissionDecision,
    PermissionRequest,
    QuestionAnswered,
    QuestionAsked,
    SessionCancelled,
    StepDone,
    StepStart,
    ToolCall,
    ToolOutput,
    ToolResult,
    TurnDone,
    TurnError,
    TurnPaused,
    TurnPausing,
    TurnResumed,
    TurnSteer,
    TurnStopping,
    TurnThinking,
    TurnThought,
    TurnToken,
    Unknown,
)
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.shell import RUN_COMMAND

from .history import History
from .injected_files import InjectedFiles
from .session_record import SessionRecord

COMMANDS_KEPT = 100
ASKED_CHARS_MAX = 200
# Half seconds to wait for the ending of an earlier turn. A damaged journal may have lost it.
ENDS_WAITED = 10

Event = AnyEvent | Unknown
Delta = TurnToken | TurnThinking | TurnThought


class AgentSession:
    """Folds every line as it comes; `changed` wakes whoever waits.

    What this agent says itself (`producer`) is folded by `say`, when it is said: its deltas are not read back.
    """

    def __init__(self, sid: str, producer: str):
        self.sid = sid
        self._fold = Fold()
        self.history = History()
        self.injected = InjectedFiles()
        self.granted: set[str] = set()
        # Command lines that were asked for, the newest last: to show what a wider grant would have covered.
        self.commands: deque[str] = deque(maxlen=COMMANDS_KEPT)
        self.on_stop: Callable[[str, str], None] | None = None
        self.on_end: Callable[[str], None] | None = None
        self._produced_here = b'"p":"%b"' % producer.encode()
        self._speaks_after = -1
        # (step, attempt, delta) said before the step's start came back from the store
        self._early: list[tuple[int, int, Delta]] = []
        self._results: dict[str, ToolResult] = {}
        self._decisions: dict[str, PermissionDecision] = {}
        self._changed = asyncio.Event()
        # Open questions to people: id -> (seq of the question, what is asked on one line).
        self.asked: dict[str, tuple[int, str]] = {}
        # Set at every line, for those who watch this session from another one.
        self.watchers: set[asyncio.Event] = set()
        # The line after which what is known here is kept in a snapshot, 0 for none.
        self.kept_seq = 0

    @property
    def transcript(self) -> Transcript:
        """The session as of the last line, and of what was said since."""
        return self._fold.transcript

    def take(self, first: int, lines: list[bytes]) -> None:
        """Lines of the subscription, in order; a hole between two calls held deltas only."""
        for seq, line in enumerate(lines, first):
            if 0 <= self._speaks_after < seq and wire.event_name(line) in DELTA_NAMES and self._produced_here in line:
                continue
            event = wire.decode(line)
            self._fold.apply(event)
            if isinstance(event, TurnToken | TurnThinking | ToolOutput):
                # Nobody waits for these, and a long journal consists of them.
                continue
            self._note_question(event)
            match event:
                case StepStart():
                    self._say_early(event)
                    continue
                case ToolResult():
                    self._results[event.callId] = event
                case PermissionDecision():
                    if event.requestId:
                        self._decisions[event.requestId] = event
                    if event.scope == "session" and event.decision == "allow" and (call := self.call(event.turn, event.callId)):
                        self.granted |= {call.scope or call.name, *(["network"] if "network" in event.offer else [])}
                case ToolCall():
                    if event.name == RUN_COMMAND.name:
                        self.commands.append(str(event.args.get("command", "")))
                case (
                    ContextCompacted()
                    | ContextFolded()
                    | StepDone()
                    | TurnPausing()
                    | TurnPaused()
                    | TurnResumed()
                    | TurnSteer()
                    | QuestionAnswered()
                    | HookStart()
                    | HookResult()
                ):
                    pass
                case TurnDone() | TurnError() | SessionCancelled():
                    # The next turn may speak already.
                    self._early = [early for early in self._early if early[2].turn != event.turn]
                    if self.on_end is not None:
                        self.on_end(event.turn)
                case TurnStopping() if self.on_stop is not None:
                    self.on_stop(event.turn, event.by)
                case _:
                    continue
            self._changed.set()
        for watcher in self.watchers:
            watcher.set()

    def _note_question(self, event: Event) -> None:
        match event:
            case PermissionRequest():
                summary = tool_of(event.name, event.server, event.schema).summary(event.args)
                self.asked[event.requestId] = event.seq, _on_one_line(f"{event.name} {summary}")
            case QuestionAsked():
                self.asked[event.questionId] = event.seq, _on_one_line(event.text)
            case PermissionDecision():
                self.asked.pop(event.requestId, None)
            case QuestionAnswered():
                self.asked.pop(event.questionId, None)
            case TurnDone() | TurnError() | SessionCancelled():
                self.asked.clear()
            case _:
                pass

    def speaks_after(self, seq: int) -> None:
        """From here on this agent's own deltas come by `say`; what it said before (in a lease it lost) is read."""
        self._speaks_after = seq

    def say(self, delta: Delta, step: int, attempt: int) -> None:
        """Take in a piece of this agent's own answer, as it is sent to the store."""
        last = self._fold.last_step(delta.turn)
        if last is not None and (last.step, last.attempt) == (step, attempt):
            self._fold.rethink(last) if isinstance(delta, TurnThought) else self._fold.add(last, delta)
        else:
            self._early.append((step, attempt, delta))

    def _say_early(self, start: StepStart) -> None:
        waiting, self._early = self._early, []
        for step, attempt, delta in waiting:
            if delta.turn != start.turn:
                self._early.append((step, attempt, delta))
            elif (step, attempt) >= (start.step, start.attempt):
                self.say(delta, step, attempt)

    async def reached_ends(self, turn_id: str) -> None:
        """Wait until the endings of all turns before `turn_id` are read: the store hands a turn out before its publication of the ending is here."""
        for _ in range(ENDS_WAITED):
            if all(turn.endedAt for turn in itertools.takewhile(lambda turn: turn.id != turn_id, self.transcript.turns)):
                return
            await self.changed(0.5)

    def settle(self, turn_id: str) -> None:
        """Turn `turn_id` is about to run: what ended before it moves into the history, encoded once."""
        ended = self.history.take(self.transcript, turn_id)
        self.injected.take(ended)
        for call in [call for turn in ended for step in turn.steps for call in step.calls]:
            self._results.pop(call.id, None)
            self._decisions.pop(call.requestId, None)
        if ended:
            self.transcript.forget(ended[-1].seq + 1)

    def record(self, seq: int) -> SessionRecord:
        """What is known after line `seq`, the last one. No turn may run: what it says is folded before it is stored."""
        return SessionRecord(
            seq=seq,
            transcript=self.transcript,
            history=self.history.record(),
            injected=self.injected.record(),
            granted=self.granted,
            commands=list(self.commands),
            asked=self.asked,
            results=self._results,
            decisions=self._decisions,
        )

    def restore(self, record: SessionRecord) -> None:
        """Take over what was known, before the first line."""
        self._fold = Fold(record.transcript)
        self.history, self.injected = History.restored(record.history), InjectedFiles(record.injected)
        self.granted, self.commands, self.asked = record.granted, deque(record.commands, maxlen=COMMANDS_KEPT), record.asked
        self._results, self._decisions = record.results, record.decisions
        self.kept_seq = record.seq

    def call(self, turn_id: str, call_id: str) -> Call | None:
        """A call of a turn."""
        turn = self.transcript.turn(turn_id)
        steps = turn.steps if turn else []
        return next((call for step in reversed(steps) for call in step.calls if call.id == call_id), None)

    def result(self, call_id: str) -> ToolResult | None:
        """The stored result of a call, if it ended."""
        return self._results.get(call_id)

    def decision(self, request_id: str) -> PermissionDecision | None:
        """The stored answer to a question, if there is one."""
        return self._decisions.get(request_id)

    async def changed(self, timeout_s: float) -> None:
        """Wait for the next call, result or decision, at most `timeout_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            pass


def _on_one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= ASKED_CHARS_MAX else f"{line[: ASKED_CHARS_MAX - 1]}…"
