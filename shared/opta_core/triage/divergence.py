"""Where a session may have left its course: the events that change what a turn runs on, as marks for people.

`mark_of` decides about one event alone, so that the page's reducer (`desktop/web/src/divergence.ts`) can give the same marks.
"""

from collections.abc import Iterable

from opta_protocol import events as e
from opta_protocol.http_triage import DivergenceMark

MARKS_MAX = 50
# What every turn's prompt gets.
_ORDINARY = "environment"


def mark_of(event: e.AnyEvent | e.Unknown) -> DivergenceMark | None:
    """The mark of an event; None for the ordinary course."""
    if isinstance(event, e.Unknown):
        return None
    match event:
        case e.RouteSwitch():
            kind, text = "model", f"{event.from_} -> {event.to}: {event.reason}"
        case e.StepDone(model=name) if name:
            kind, text = "model", f"another model answered than was asked for: {name}"
        case e.PermissionDecision(by="client", decision="allow"):
            where = f" ({event.client})" if event.client else ""
            kind, text = "escalation", f"a person allowed a call{where}, scope {event.scope}"
        case e.ContextInjected(source=source) if source != _ORDINARY:
            kind, text = "injection", f"{source}: {event.tokens} tokens were added to the prompt"
        case e.ContextFolded():
            kind, text = "fold", f"steps up to {event.upToStep} gave way to a list: {event.before} -> {event.after} tokens"
        case e.ContextCompacted():
            kind, text = "fold", f"older turns gave way to a summary: {event.before} -> {event.after} tokens"
        case e.ServiceLost():
            kind, text = "service", f"{event.service} was lost" + (f": {event.reason}" if event.reason else "")
        case e.ServiceBack():
            kind, text = "service", f"{event.service} is back" + (f" after {int(event.stall_ms + 0.5)} ms" if event.stall_ms else "")
        case e.StepStart(attempt=attempt) if attempt > 1:
            kind, text = "reconnect", f"step {event.step} was asked again, attempt {attempt}: {event.provider}/{event.model}"
        case _:
            return None
    return DivergenceMark(seq=event.seq, ts=event.ts, kind=kind, text=text, turn=event.turn)  # type: ignore[arg-type]


def marks_of(events: Iterable[e.AnyEvent | e.Unknown], turn: str = "") -> list[DivergenceMark]:
    """The marks of a turn and those of no turn, or of all turns, oldest first; the last `MARKS_MAX` of them."""
    found = (mark_of(event) for event in events)
    return [mark for mark in found if mark is not None and (not turn or mark.turn in ("", turn))][-MARKS_MAX:]
