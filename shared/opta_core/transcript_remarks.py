"""The remarks of a transcript: what happened between the parts of a turn, or between turns, in words for people.

Each function decides about one event alone, so that the page's reducer (`desktop/web/src/transcript_remarks.ts`) gives the same remarks.
What may have changed the course of a turn is a mark instead (`triage.divergence`); a session has marks only in its turns.
"""

from opta_protocol import events as e

from .transcript_parts import Remark, RemarkKind
from .transcript_undo import undone_names
from .triage.divergence import mark_of

# What a person sets for later turns, and how it is called.
_SETTINGS = {"model": "Model", "mode": "Mode", "level": "Permission level"}


def remark_of(event: e.AnyEvent | e.Unknown) -> Remark | None:
    """The remark of an event of a turn; None for most."""
    match event:
        case e.Warning():
            return _remark(event, "warning", event.message)
        case e.PlanUpdated():
            return _remark(event, "plan", _plan(event.items))
        case e.TurnPaused():
            return _remark(event, "pause", f"Paused before step {event.step}")
        case e.TurnResumed():
            return _remark(event, "pause", f"Resumed{_by(event.by)}")
        case _:
            return None


def remark_of_session(event: e.AnyEvent | e.Unknown) -> Remark | None:
    """The remark of an event that belongs to no turn, or says something of an earlier one; None for most."""
    match event:
        case e.TurnUndone():
            return _remark(event, "undo", f"Undid what turn {event.turn} changed in {_undone(event)}")
        case e.TurnRedone():
            return _remark(event, "undo", f"Made the changes of turn {event.turn} in {_undone(event)} again")
        case e.SessionUpdated():
            said = [f"{name}: {event.changes[key] or 'the default'}" for key, name in _SETTINGS.items() if key in event.changes]
            return _remark(event, "settings", " · ".join(said)) if said else None
        case e.SessionCleared():
            return _remark(event, "cleared", "Context cleared: the model does not see what is above")
        case e.SessionWorktree():
            return _remark(event, "worktree", f"Worktree: {event.state}" + (f" · {event.note}" if event.note else ""))
        case e.Warning() if not event.turn:
            return _remark(event, "warning", event.message)
        case e.ServiceLost() | e.ServiceBack() if not event.turn:
            mark = mark_of(event)
            return _remark(event, "service", mark.text) if mark else None
        case _:
            return None


def _remark(event: e.Event, kind: RemarkKind, text: str) -> Remark:
    return Remark(seq=event.seq, ts=event.ts, kind=kind, text=text)


def _by(who: str) -> str:
    return f" by {who}" if who and who != "client" else ""


def _undone(event: e.TurnUndone | e.TurnRedone) -> str:
    names = undone_names(event)
    return names[0] if len(names) == 1 else f"{len(names)} {'files' if len(names) == len(event.files) else 'hunks or files'}"


def _plan(items: list[dict[str, str]]) -> str:
    """How far the to-do list is, and what is being done."""
    done = sum(item.get("state") == "done" for item in items)
    doing = next((item.get("text", "") for item in items if item.get("state") == "doing"), "")
    return f"{done} of {len(items)} done" + (f" · {doing}" if doing else "")
