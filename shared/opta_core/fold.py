"""The transcript reducer ("fold"): joins the events of a session, one after another, to its transcript."""

from collections.abc import Iterable
from copy import copy

from opta_protocol import events as e

from .transcript import Step, Transcript, Turn, note_time


class Fold:
    """Folds a session event by event. Deltas of an answer are joined when the transcript is read, not when they arrive.

    Appending each delta at once would copy the text each time: 0.3 ms per token in an answer of one megabyte.
    """

    def __init__(self, transcript: Transcript | None = None) -> None:
        self._transcript = transcript or Transcript()
        # The running turn: with many queued turns, searching for it would cost more than the delta.
        self._turn: Turn | None = None
        # The step and the field that the deltas belong to.
        self._step: Step | None = None
        self._field = ""
        self._pieces: list[str] = []

    @property
    def transcript(self) -> Transcript:
        """The session with all events so far."""
        self._join()
        return self._transcript

    def apply(self, event: e.AnyEvent | e.Unknown) -> None:
        """Apply the next event."""
        if isinstance(event, e.TurnThought):
            self._transcript.lastSeq = event.seq
            if step := self.last_step(event.turn):
                self.rethink(step)
        elif isinstance(event, e.TurnToken | e.TurnThinking):
            self._transcript.lastSeq = event.seq
            if step := self.last_step(event.turn):
                self.add(step, event)
        else:
            self.transcript.apply(event)

    def last_step(self, turn_id: str) -> Step | None:
        """The last step of a turn, without deltas that are not joined yet."""
        if self._turn is None or self._turn.id != turn_id:
            self._turn = self._transcript.turn(turn_id)
        return self._turn.steps[-1] if self._turn and self._turn.steps else None

    def add(self, step: Step, event: e.TurnToken | e.TurnThinking) -> None:
        """Apply a delta to a step."""
        name = "text" if isinstance(event, e.TurnToken) else "thinking"
        note_time(step, event)
        if step is not self._step or name != self._field:
            self._join()
            self._step, self._field = step, name
        self._pieces.append(event.delta)

    def rethink(self, step: Step) -> None:
        """What a step has said was reasoning."""
        self._join()
        step.thinking, step.text = step.thinking + step.text, ""

    def _join(self) -> None:
        if self._step is not None and self._pieces:
            setattr(self._step, self._field, getattr(self._step, self._field) + "".join(self._pieces))
            self._pieces.clear()


def fold(events: Iterable[e.AnyEvent | e.Unknown]) -> Transcript:
    """The transcript of a complete session."""
    folding = Fold()
    for event in events:
        folding.apply(event)
    return folding.transcript


def continued(transcript: Transcript, events: Iterable[e.AnyEvent | e.Unknown]) -> Transcript:
    """A transcript with later events folded in. `transcript` stays as it is; both share the turns that these events do not change."""
    later = copy(transcript)
    later.turns, later.notes, later.remarks = list(transcript.turns), list(transcript.notes), list(transcript.remarks)
    folding, independent = Fold(later), {""}
    for event in events:
        if event.turn not in independent:
            independent.add(event.turn)
            if not isinstance(event, e.TurnStart):
                _make_independent(later.turns, event.turn)
        folding.apply(event)
    return folding.transcript


def _make_independent(turns: list[Turn], turn_id: str) -> None:
    """Replace a turn in the list by a copy that shares nothing which `apply` changes in place."""
    at = next((at for at in reversed(range(len(turns))) if turns[at].id == turn_id), None)
    if at is None:
        return
    turn = turns[at] = copy(turns[at])
    turn.warnings, turn.injected, turn.steps = list(turn.warnings), list(turn.injected), [copy(step) for step in turn.steps]
    turn.steers, turn.marks = [copy(steer) for steer in turn.steers], list(turn.marks)
    turn.remarks = list(turn.remarks)
    turn.hooks = [copy(run) for run in turn.hooks]
    for step in turn.steps:
        step.calls = [copy(call) for call in step.calls]
        for call in step.calls:
            call.asked, call.child = copy(call.asked), copy(call.child)
            call.effects, call.hooks = list(call.effects), [copy(run) for run in call.hooks]
