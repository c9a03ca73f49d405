"""What a turn gets of a sub-agent that has ended: its last answer, how it ended, and what it used."""

from dataclasses import dataclass

from opta_core.transcript import Turn
from opta_core.transcript_parts import Child
from opta_protocol.child_events import ChildProgress

REPORT_CHARS_MAX = 20_000


@dataclass(frozen=True)
class ChildReport:
    """The result of a call of `agent`. `code` is '' for a task that was done."""

    text: str
    code: str
    progress: ChildProgress
    used: Child


def report_of(sid: str, turn: Turn) -> ChildReport:
    """The report of the child session `sid`, whose turn has ended."""
    progress = _progress(turn)
    used = used_by(sid, turn)
    used.state = progress
    said = next((step.text.strip() for step in reversed(turn.steps) if step.text.strip()), "")
    if len(said) > REPORT_CHARS_MAX:
        said = f"{said[:REPORT_CHARS_MAX]}\n(cut here; the whole answer has {len(said)} characters and is in s-{sid})"
    so_far = f"\n\nWhat it said last:\n{said}" if said else "\n\nIt said nothing."
    match progress:
        case "done":
            text, code = said or "(It ended without a word.)", ""
        case "limit":
            reason = turn.warnings[-1].replace(" Resume it to go on.", "") if turn.warnings else "It met a limit."
            text, code = f"Error: the sub-agent is not finished. {reason}{so_far}", "limit"
        case "stopped":
            text, code = f"Error: the sub-agent was stopped: {turn.error}{so_far}", "stopped"
        case _:
            text, code = f"Error: the sub-agent failed: {turn.error}{so_far}", "failed"
    steps = f"{used.step} {'step' if used.step == 1 else 'steps'}"
    return ChildReport(f"{text}\n\n(sub-agent s-{sid}: {steps}, {used.calls} tool calls, {used.tokens} tokens)", code, progress, used)


def used_by(sid: str, turn: Turn) -> Child:
    """What a child has used so far: its step, tool calls, and tokens read and written."""
    return Child(
        sid=sid,
        title="",
        turn=turn.id,
        step=turn.steps[-1].step if turn.steps else 0,
        calls=sum(len(step.calls) for step in turn.steps),
        tokens=sum(step.tokens + step.promptTokens for step in turn.steps),
    )


def _progress(turn: Turn) -> ChildProgress:
    if turn.state == "done":
        return "done" if turn.stats is not None and turn.stats.get("finish") == "stop" else "limit"
    return "stopped" if turn.state == "cancelled" else "failed"
