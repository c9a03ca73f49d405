"""The words of a turn's parts on one line each: its heading, its calls, its figures. Pure, and the same at every width."""

from datetime import datetime

from opta_core.transcript_parts import Call, Step, Turn
from opta_protocol.tools.declared import tool_of

from ..plain_text import plain_line
from ..view_lines import LIMITS

CALL_GLYPHS = {
    "called": "○",
    "asking": "◆",
    "allowed": "●",
    "running": "●",
    "ok": "✓",
    "failed": "✕",
    "denied": "⊘",
    "stopped": "‖",
}
CALL_TOKENS = {"asking": "warn", "ok": "ok", "failed": "err", "denied": "err", "stopped": "text-dim", "called": "text-dim"}
STATE_WORDS = {
    "queued": ("○", "Waits", "text-dim"),
    "running": ("●", "Running", "cyan"),
    "pausing": ("●", "Pausing before its next step", "warn"),
    "paused": ("‖", "Paused", "warn"),
    "stopping": ("●", "Stopping", "warn"),
    "done": ("✓", "Done", "ok"),
    "error": ("✕", "Failed", "err"),
    "cancelled": ("‖", "Stopped", "text-dim"),
}


def clock(stamp: str) -> str:
    """The local time of day of an ISO 8601 stamp; '' when it is none."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%H:%M")
    except ValueError:
        return ""


def heading(turn: Turn) -> str:
    """`You · t3 · 14:23 · do`, with what is unusual about the turn."""
    who = "Agent" if turn.role == "agent" else "You"
    more = ["compacts the context"] * turn.compact + [f"carries out the plan of {turn.fromPlan}"] * bool(turn.fromPlan)
    more += [f"goes on with {turn.resumes}"] * bool(turn.resumes) + [f"{len(turn.attachments)} attached"] * bool(turn.attachments)
    return " · ".join([who, turn.id, clock(turn.ts), str(turn.mode), *more])


def thinking_line(step: Step) -> str:
    """`Thinking · 312 tokens · 2.1 s`; without reported tokens, the number of words."""
    size = f"{step.thinkingTokens:,} tokens" if step.thinkingTokens else f"{len(step.thinking.split()):,} words"
    seconds = _seconds(step.thoughtFrom, step.thoughtTo)
    return f"Thinking · {size}" + (f" · {seconds:.1f} s" if seconds else "")


def call_label(call: Call) -> str:
    """What the call does, as people say it: `Read src/a.py`."""
    tool = tool_of(call.name, call.server, call.schema)
    return plain_line(f"{tool.label} {tool.summary(call.args)}".strip())


def call_outcome(call: Call) -> str:
    """What became of a call: its lines and time, the first line of its error, or what it waits for."""
    if call.child is not None and call.state in ("running", "allowed"):
        step = f" · step {call.child.step}" if call.child.step else ""
        return f"{'asks you' if call.child.state == 'waiting' else call.child.state}{step}"
    match call.state:
        case "asking":
            return "needs your answer"
        case "ok":
            changed = _changed(call)
            return f"{changed or f'{call.lines} lines'} · {_duration(call.durationMs)}"
        case "failed":
            return plain_line(call.content.split("\n", 1)[0])
        case "denied":
            return "denied" + (f" in {call.client}" if call.client else "") + (f": {plain_line(call.note)}" if call.note else "")
        case "stopped":
            return "stopped"
        case "running" if call.asked is not None and not call.asked.by:
            return "asks you"
        case _:
            return "running" if call.state == "running" else "waits"


def statistics(turn: Turn) -> str:
    """The figures of a turn that is done, as plain mode prints them, with the tokens of its thinking."""
    found = turn.stats
    if not found:
        return ""
    parts = [f"{found['tokens']:,} tokens", f"{found['tokensPerSec']:g} tok/s", f"{found['elapsed']:g} s", _count(found["tools"], "tool")]
    if found.get("thinkingTokens"):
        parts.append(f"{found['thinkingTokens']:,} thinking")
    return " · ".join(parts)


def ending(turn: Turn) -> tuple[str, str]:
    """(words about an ending that is no success, their token); ('', '') for a success, and while the turn goes on."""
    if turn.state == "error":
        return f"✕ {plain_line(turn.error)}", "err"
    if turn.state == "cancelled":
        return f"‖ {plain_line(turn.error) or 'Stopped'}", "text-dim"
    if turn.state == "done" and turn.stats and turn.stats["finish"] != "stop":
        finish = str(turn.stats["finish"])
        return f"! The turn met a limit ({LIMITS.get(finish, finish)}) and is not finished. Continue it from the palette.", "warn"
    return "", ""


def _changed(call: Call) -> str:
    diffs = [change.diff for change in call.changes] + [change.diff for effect in call.effects for change in effect.changes]
    lines = [line for diff in diffs for line in diff.split("\n") if not line.startswith(("+++", "---"))]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"+{added} −{removed}" if added or removed else ""


def _duration(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def _seconds(start: str, end: str) -> float:
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except ValueError:
        return 0.0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
