"""The view of a session on a terminal: a pure fold of its events into what is shown.

`SessionView.apply` takes events in seq order and returns what each one adds. The same events give the same parts and the same
blocks, whether they come live, after a reconnect, or from a file: plain mode prints the parts, `opta sessions show` the blocks.
**Invariant:** it reads no clock, no terminal and no daemon.
"""

from typing import Literal, NamedTuple

import msgspec

from opta_protocol import events as e
from opta_protocol.child_events import ChildStart
from opta_protocol.event_base import Event

from . import plan_lines, view_lines
from .exit_codes import ExitCode, of_finish

Kind = Literal["prompt", "answer", "thinking", "output", "line", "waiting", "step", "error", "stats", "rethink", "repeat"]


class ViewPart(NamedTuple):
    """What an event adds. `answer`, `thinking` and `output` are pieces of text, the others are whole lines.

    `repeat`: the answer of the step goes back to its first `kept` characters; `rethink`: it was reasoning, and no answer;
    `waiting`: holds only until the next part. `ts`: when the event was stored; '' for one that is not.
    """

    kind: Kind
    text: str = ""
    turn: str = ""
    kept: int = 0
    ts: str = ""


class Block(msgspec.Struct):
    """A passage of a turn as it is at last: a prompt, an answer, or lines about what was done."""

    kind: Kind
    turn: str
    pieces: list[str]

    @property
    def text(self) -> str:
        """The whole passage."""
        return "".join(self.pieces)


class TurnView(msgspec.Struct):
    """How a turn went: its ending as an exit code, None while it goes on. `mode` as its prompt asked."""

    mode: str = ""
    was_denied: bool = False
    outcome: ExitCode | None = None
    has_plan: bool = False


class SessionView:
    """A session as it is shown. `open`: requests and questions without an answer, by id."""

    def __init__(self) -> None:
        self.seq = 0
        self.blocks: list[Block] = []
        self.turns: dict[str, TurnView] = {}
        self.open: dict[str, e.PermissionRequest | e.QuestionAsked] = {}
        self.names: dict[str, str] = {}
        self._hooks: dict[str, str] = {}
        self._todo: list[dict[str, str]] = []
        # Turn -> the first block of its last step.
        self._step_at: dict[str, int] = {}

    def turn(self, turn_id: str) -> TurnView:
        """How a turn went so far."""
        return self.turns.setdefault(turn_id, TurnView())

    def apply(self, event: e.AnyEvent | e.Unknown) -> list[ViewPart]:
        """Fold the next event; what it adds to the screen."""
        if event.seq:
            self.seq = event.seq
        self._note(event)
        parts = [part._replace(ts=event.ts) for part in self._parts(event)] if isinstance(event, Event) else []
        for part in parts:
            self._keep(part)
        return parts

    def _note(self, event: e.AnyEvent | e.Unknown) -> None:
        """What later events and callers need to know of this one."""
        match event:
            case e.TurnStart():
                self.turns[event.turn] = TurnView(mode=event.mode)
            case e.StepStart() if event.attempt == 1:
                self._step_at[event.turn] = len(self.blocks)
            case e.ToolCall():
                self.names[event.callId] = event.name + (" in the background" if event.args.get("background") is True else "")
            case ChildStart():
                self.names[event.callId] = f"agent {event.title}"
            case e.HookStart():
                self._hooks[event.hookId] = event.hook
            case e.PermissionRequest():
                self.open[event.requestId] = event
            case e.QuestionAsked():
                self.open[event.questionId] = event
            case e.PermissionDecision():
                self.open.pop(event.requestId, None)
                # What a plan may not do is no denial of a person's task.
                if event.decision == "deny" and event.layer != "mode":
                    self.turn(event.turn).was_denied = True
            case e.QuestionAnswered():
                self.open.pop(event.questionId, None)
            case e.TurnDone():
                turn = self.turn(event.turn)
                turn.outcome = of_finish(event.finish, was_denied=turn.was_denied)
                turn.has_plan = turn.mode == "plan" and event.finish == "stop"
            case e.TurnError():
                self.turn(event.turn).outcome = ExitCode.failed
            case e.SessionCancelled() | e.TurnPaused():
                self.turn(event.turn).outcome = ExitCode.cancelled
            case e.TurnResumed():
                self.turn(event.turn).outcome = None
            case _:
                pass
        if isinstance(event, e.ENDINGS):
            self.open = {key: asked for key, asked in self.open.items() if asked.turn != event.turn}

    def _parts(self, event: e.AnyEvent | e.Unknown) -> list[ViewPart]:
        turn = event.turn
        match event:
            case e.TurnStart():
                return [ViewPart("prompt", event.command or event.text, turn)]
            case e.TurnToken():
                return [ViewPart("answer", event.delta, turn)]
            case e.TurnThinking():
                return [ViewPart("thinking", event.delta, turn)]
            case e.ToolOutput():
                return [ViewPart("output", event.delta, turn)]
            case e.TurnThought():
                return [ViewPart("rethink", "… (that was the model's reasoning; its answer follows)", turn)]
            case e.StepStart() if event.attempt > 1:
                return [ViewPart("repeat", "… repeated from here", turn, event.keptChars)]
            case e.StepStart():
                line = view_lines.of(event, self.names, self._hooks)
                return [*self._step(event), *([ViewPart("line", line, turn)] if line else [])]
            case e.StepWaiting():
                return [ViewPart("waiting", view_lines.of(event, self.names, self._hooks), turn)]
            case e.PlanUpdated():
                lines = plan_lines.changed(self._todo, event.items)
                self._todo = event.items
                return [ViewPart("line", line, turn) for line in lines]
            case e.TurnDone():
                return [ViewPart("stats", view_lines.statistics(event), turn), *self._limited(event)]
            case e.TurnError():
                return [ViewPart("error", event.message, turn)]
            case e.SessionCancelled():
                return [ViewPart("error", event.reason, turn)]
            case _:
                line = view_lines.of(event, self.names, self._hooks)
                return [ViewPart("line", line, turn)] if line else []

    def _step(self, event: e.StepStart) -> list[ViewPart]:
        """The number of a step of work on a task."""
        if self.turn(event.turn).mode != "do":
            return []
        return [ViewPart("step", f"step {event.step}{f' · {event.title}' if event.title else ''}", event.turn)]

    def _limited(self, event: e.TurnDone) -> list[ViewPart]:
        if event.finish == "stop":
            return []
        what = view_lines.LIMITS.get(event.finish, event.finish)
        return [
            ViewPart("error", f"the turn met a limit ({what}) and is not finished. Go on: opta sessions resume s-{event.sid}", event.turn)
        ]

    def _keep(self, part: ViewPart) -> None:
        last = self.blocks[-1] if self.blocks else None
        if part.kind in ("repeat", "rethink"):
            self._take_back(part)
        elif part.kind == "waiting":
            return
        elif part.kind in ("answer", "thinking", "output") and last is not None and (last.kind, last.turn) == (part.kind, part.turn):
            last.pieces.append(part.text)
        else:
            self.blocks.append(Block(part.kind, part.turn, [part.text]))

    def _take_back(self, part: ViewPart) -> None:
        """The answer of a step is repeated, or was no answer. Lines may stand between its pieces."""
        kept = part.kept
        for block in self.blocks[self._step_at.get(part.turn, 0) :]:
            if block.turn != part.turn:
                continue
            if block.kind == "thinking" and part.kind == "repeat":
                block.pieces = []
            elif block.kind == "answer" and part.kind == "rethink":
                block.kind = "thinking"
            elif block.kind == "answer":
                block.pieces = [block.text[:kept]]
                kept -= len(block.text)
