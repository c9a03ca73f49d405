"""The transcript: what a screen shows and a model reads of the events of a session.

`Transcript.apply` takes events in seq order. The TypeScript implementation (`desktop/web/src/transcript.ts`) must give the same
result for the same fixtures (`tests/fixtures/transcripts`). A repeated step (`attempt` > 1) keeps `keptChars` characters of
the interrupted answer and collapses the rest.
"""

import msgspec

from opta_protocol import events as e
from opta_protocol.control_events import SteerText
from opta_protocol.event_parts import Limits
from opta_protocol.permissions import Level, Mode, SessionPolicy
from opta_protocol.worktree import Worktree

from .transcript_hooks import apply_hook
from .transcript_parts import Call, Child, Effect, Injected, Note, Question, Remark, Steer, Step, Turn
from .transcript_remarks import remark_of, remark_of_session
from .transcript_undo import note_redone, note_undone, undone_names
from .triage.divergence import mark_of

# Names of files in a note for the model
NAMED_MAX = 20
# Figures of a turn that was done.
_STATS = (
    *("tokens", "elapsed", "tokensPerSec", "tools", "steps", "finish", "promptTokens", "cachedTokens", "thinkingTokens", "firstTokenMs"),
    *("contextUsed", "contextLimit"),
)


class Transcript(msgspec.Struct, kw_only=True):
    """A session up to `lastSeq`."""

    sid: str = ""
    title: str = ""
    cwd: str = ""
    mode: Mode = Mode.chat
    level: Level = Level.L1
    model: str = ""
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    trusted: bool = False
    folder: str = ""
    # Of a fork: the session whose history it has, and the last turn of it. Of a sub-agent: the session, the turn and the call that started it.
    parent: str = ""
    parentTurn: str = ""
    worktree: Worktree | None = None
    parentCall: str = ""
    depth: int = 0
    clearedTo: int = 0
    compactedTo: int = 0
    compactedIn: str = ""
    summary: str = ""
    pendingNote: str = ""
    lastSeq: int = 0
    turns: list[Turn] = []
    plan: list[dict[str, str]] = []
    notes: list[Note] = []
    # What happened between turns.
    remarks: list[Remark] = []

    def apply(self, event: e.AnyEvent | e.Unknown) -> None:
        """Apply the next event."""
        self.lastSeq = event.seq
        if remark := remark_of_session(event):
            self.remarks.append(remark)
        match event:
            case e.SessionStart():
                self.sid, self.title, self.cwd, self.mode, self.level = event.sid, event.title, event.cwd, event.mode, event.level
                self.model, self.policy = event.model, event.policy
                self.interactive, self.trusted, self.folder = event.interactive, event.trusted, event.folder
                self.parent, self.parentTurn, self.parentCall, self.depth = event.parent, event.parentTurn, event.parentCall, event.depth
                self.worktree = event.worktree
            case e.SessionWorktree():
                if self.worktree is not None:
                    self.worktree = msgspec.structs.replace(self.worktree, state=event.state)
            case e.SessionUpdated():
                changes = event.changes
                self.title, self.model = str(changes.get("title", self.title)), str(changes.get("model", self.model))
                self.mode, self.level = Mode(changes.get("mode", self.mode)), Level(changes.get("level", self.level))
            case e.SessionCleared():
                self.clearedTo = event.upTo
            case e.TurnStart():
                self.turns.append(
                    Turn(
                        id=event.turn,
                        seq=event.seq,
                        ts=event.ts,
                        text=event.text,
                        mode=event.mode,
                        level=event.level,
                        model=event.model,
                        attachments=event.attachments,
                        resumes=event.resumes,
                        compact=event.compact,
                        probe=event.probe,
                        role=event.role,
                        fromPlan=event.fromPlan,
                        command=event.command,
                        limits=event.limits if event.limits != Limits() else None,
                        note=self.pendingNote,
                    )
                )
                self.pendingNote = ""
            case e.SessionNote():
                self.notes.append(Note(seq=event.seq, ts=event.ts, kind=event.kind, text=event.text))
            case e.TurnUndone():
                if turn := self.turn(event.turn):
                    note_undone(turn, event)
                self.pendingNote += f"(The user undid what turn {event.turn} changed in {_some(undone_names(event))}.)\n"
            case e.TurnRedone():
                if turn := self.turn(event.turn):
                    note_redone(turn, event)
                self.pendingNote += f"(The user made the changes of turn {event.turn} in {_some(undone_names(event))} again.)\n"
            case e.ContextCompacted():
                self.compactedTo, self.compactedIn, self.summary = event.upTo, event.turn, event.summary
                if turn := self.turn(event.turn):
                    turn.warnings.append(f"Context compacted: about {event.before} tokens became {event.after}.")
                    _mark(turn, event)
            case e.PlanUpdated():
                self.plan = event.items
                if turn := self.turn(event.turn):
                    _remark(turn, event)
            case e.Unknown():
                pass
            case _:
                turn = self.turn(event.turn)
                if turn is not None:
                    _apply_to_turn(turn, event)
                    _remark(turn, event)
                    _mark(turn, event)

    def forget(self, before: int) -> None:
        """Drop turns that began before seq `before`, when the caller no longer needs them."""
        self.turns = [turn for turn in self.turns if turn.seq >= before]

    def turn(self, turn_id: str) -> Turn | None:
        """The turn with an id, searched from the end; None when there is none."""
        return next((turn for turn in reversed(self.turns) if turn.id == turn_id), None)


def _some(files: list[str]) -> str:
    """Names for a sentence: the first ones, and how many more there are."""
    return ", ".join(files[:NAMED_MAX]) + (f" and {len(files) - NAMED_MAX} more files" if len(files) > NAMED_MAX else "")


def _remark(turn: Turn, event: e.AnyEvent) -> None:
    if remark := remark_of(event):
        turn.remarks.append(remark)


def _mark(turn: Turn, event: e.AnyEvent) -> None:
    if mark := mark_of(event):
        turn.marks.append(mark)


def _apply_to_turn(turn: Turn, event: e.AnyEvent) -> None:
    match event:
        case e.TurnQueued():
            turn.state = "queued"
        case e.TurnEdited():
            turn.text, turn.command = event.text, event.command
        case e.TurnSteer():
            _steer(turn, event)
        case e.StepStart():
            _start_step(turn, event)
        case e.TurnToken() | e.TurnThinking():
            if turn.steps:
                _apply_delta(turn.steps[-1], event)
        case e.TurnThought():
            if turn.steps:
                turn.steps[-1].thinking, turn.steps[-1].text = turn.steps[-1].thinking + turn.steps[-1].text, ""
        case e.StepWaiting():
            if turn.steps:
                turn.steps[-1].waiting = event.seconds
        case e.StepDone():
            if turn.steps:
                _end_step(turn.steps[-1], event)
            turn.contextUsed, turn.contextLimit = event.contextUsed, event.contextLimit
        case e.ContextInjected():
            # The agent has applied its own already.
            injected = Injected(source=event.source, text=event.text, step=event.step, edition=event.edition)
            if injected not in turn.injected:
                turn.injected.append(injected)
        case e.ContextFolded():
            turn.foldedTo, turn.foldedAt, turn.foldedTokens, turn.digest = event.upToStep, event.step, event.after, event.digest
        case e.TurnPausing():
            turn.state = "pausing"
        case e.TurnPaused():
            turn.state = "paused"
        case e.TurnResumed():
            turn.state = "running"
        case e.TurnStopping():
            turn.state = "stopping"
        case e.Warning():
            turn.warnings.append(event.message)
        case e.RouteSwitch():
            turn.warnings.append(f"{event.from_} -> {event.to}: {event.reason}")
        case e.TurnDone():
            turn.state, turn.endedAt = "done", event.ts
            turn.stats = {name: getattr(event, name) for name in _STATS}
            if event.children:
                turn.stats |= {"children": event.children, "childTokens": event.childTokens}
            _stop_calls(turn)
        case e.TurnError():
            turn.state, turn.error, turn.errorCode, turn.endedAt = "error", event.message, event.code, event.ts
            _stop_calls(turn)
        case e.SessionCancelled():
            turn.state, turn.error, turn.endedAt = "cancelled", event.reason, event.ts
            _stop_calls(turn)
        case e.ToolCall():
            if turn.steps:
                turn.steps[-1].calls.append(
                    Call(id=event.callId, name=event.name, args=event.args, risk=event.risk.value, seq=event.seq, written=event.written)
                )
        case (
            e.PermissionRequest()
            | e.PermissionDecision()
            | e.QuestionAsked()
            | e.QuestionAnswered()
            | e.ChildStart()
            | e.ChildState()
            | e.ToolStart()
            | e.ToolOutput()
            | e.ToolResult()
            | e.FilesChanged()
        ):
            call = next((call for step in reversed(turn.steps) for call in step.calls if call.id == event.callId), None)
            if call is not None:
                _apply_to_call(call, event)
        case e.HookStart() | e.HookResult():
            apply_hook(turn, event)
        case _:
            pass


def _stop_calls(turn: Turn) -> None:
    """Nothing runs, and nothing is asked, in a turn that has ended. A result that comes later still counts."""
    for call in (call for step in turn.steps for call in step.calls):
        if call.state in ("called", "asking", "allowed", "running"):
            call.state = "stopped"


def _end_step(step: Step, event: e.StepDone) -> None:
    step.waiting = 0
    step.finish, step.hasCutCall, step.thinkingField, step.contextUsed = (
        event.finish,
        event.hasCutCall,
        event.thinkingField,
        event.contextUsed,
    )
    step.thinkingBlocks, step.model = event.thinkingBlocks, event.model or step.model
    step.tokens, step.promptTokens = event.tokens, event.promptTokens
    step.cachedTokens, step.thinkingTokens = event.cachedTokens, event.thinkingTokens


def _apply_delta(step: Step, event: e.TurnToken | e.TurnThinking) -> None:
    """Apply a delta to a step."""
    note_time(step, event)
    if isinstance(event, e.TurnToken):
        step.text += event.delta
    else:
        step.thinking += event.delta


def note_time(step: Step, event: e.TurnToken | e.TurnThinking) -> None:
    """Keep when the model spoke and when it reasoned."""
    step.waiting = 0
    step.firstAt = step.firstAt or event.ts
    if isinstance(event, e.TurnThinking):
        step.thoughtFrom, step.thoughtTo = step.thoughtFrom or event.ts, event.ts


def _steer(turn: Turn, event: e.TurnSteer) -> None:
    """Words that wait come, change, or go."""
    waiting = next((steer for steer in turn.steers if steer.id == event.steerId and not steer.step), None)
    if waiting is None:
        turn.steers.append(Steer(id=event.steerId, text=event.text))
    elif event.text:
        waiting.text = event.text
    else:
        turn.steers.remove(waiting)


def _read_steers(turn: Turn, step: int, steers: list[SteerText]) -> None:
    """A model reads words. If they were changed meanwhile, the changed words wait on."""
    for steer in steers:
        known = next((known for known in turn.steers if (known.id, known.text) == (steer.id, steer.text)), None)
        if known is not None:
            known.step = step
        else:
            read = next((at for at, known in enumerate(turn.steers) if known.id == steer.id), len(turn.steers))
            turn.steers.insert(read, Steer(id=steer.id, text=steer.text, step=step))


def _start_step(turn: Turn, event: e.StepStart) -> None:
    if turn.state in ("queued", "paused"):
        turn.state = "running"
    turn.limits = event.limits or turn.limits
    _read_steers(turn, event.step, event.steers)
    last = turn.steps[-1] if turn.steps else None
    if last is not None and last.step == event.step:
        # A repeated step: text of the interrupted attempt beyond the kept part is collapsed.
        last.folded += last.text[event.keptChars :]
        last.text = last.text[: event.keptChars]
        last.thinking, last.waiting = "", 0
        last.startedAt, last.firstAt, last.thoughtFrom, last.thoughtTo = event.ts, "", "", ""
        last.provider, last.model, last.attempt, last.calls = event.provider, event.model, event.attempt, []
        last.contextLimit, last.finish, last.nudge = event.contextLimit, "", event.nudge
        return
    turn.steps.append(
        Step(
            step=event.step,
            provider=event.provider,
            model=event.model,
            attempt=event.attempt,
            seq=event.seq,
            startedAt=event.ts,
            nudge=event.nudge,
            contextLimit=event.contextLimit,
        )
    )


def _apply_to_call(
    call: Call,
    event: e.PermissionRequest
    | e.PermissionDecision
    | e.QuestionAsked
    | e.QuestionAnswered
    | e.ChildStart
    | e.ChildState
    | e.ToolStart
    | e.ToolOutput
    | e.ToolResult
    | e.FilesChanged,
) -> None:
    match event:
        case e.PermissionRequest():
            call.state, call.requestId, call.reason, call.offers = "asking", event.requestId, event.reason, event.offers
            call.diff, call.expects, call.scope, call.server, call.schema = (
                event.diff,
                event.expects,
                event.scope,
                event.server,
                event.schema,
            )
            call.expiresAt, call.execution, call.writing = event.expiresAt, event.execution, event.writing
        case e.PermissionDecision():
            call.state = "allowed" if event.decision == "allow" else "denied"
            call.decidedBy, call.rule, call.note, call.offer = event.by, event.rule, event.note, event.offer
            call.client = event.client
        case e.QuestionAsked():
            call.state = "running"
            call.asked = Question(id=event.questionId, text=event.text, options=event.options, expiresAt=event.expiresAt)
        case e.QuestionAnswered():
            if call.asked is not None:
                call.asked.answer, call.asked.by, call.asked.client = event.text, event.by, event.client
        case e.ChildStart():
            call.state = "running"
            call.child = Child(sid=event.childSid, title=event.title, readOnly=event.readOnly)
        case e.ChildState():
            if (child := call.child) is not None:
                child.state, child.turn, child.step, child.calls = event.state, event.childTurn or child.turn, event.step, event.calls
                child.tokens, child.asks, child.askSeq = event.tokens, event.asks, event.askSeq
        case e.ToolStart():
            call.state, call.startedAt = "running", event.ts
        case e.ToolOutput():
            call.output += event.delta
        case e.ToolResult():
            if call.state != "denied":
                call.state = "ok" if event.ok else "failed"
            call.content, call.code, call.lines = event.content, event.code, event.lines
            call.durationMs, call.truncated, call.spill, call.changes = event.durationMs, event.truncated, event.spill, event.changes
        case e.FilesChanged():
            call.effects.append(
                Effect(
                    changes=event.changes,
                    more=event.more,
                    kept=event.kept,
                    background=event.background,
                    missed=event.missed,
                    beside=event.beside,
                )
            )
