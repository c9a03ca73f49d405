"""Folding inside a turn: when the context fills, old calls give way to a list of what was done; the last steps stay word for word.

Each fold is an event that holds the list, so an agent that takes the turn over sends the same bytes. Folds are made in large bites:
between two of them every request begins with the one before it.
"""

from collections.abc import Callable
from typing import Any

from opta_core.transcript import Call, Step, Turn
from opta_protocol.events import ContextFolded, Event
from opta_protocol.tools.declared import tool_of

from .kept_facts import newest
from .session import AgentSession
from .shown_result import shown_result

# Shares of the context limit: a fold begins at the first, and leaves at most the second beside what it cannot fold.
FULL_SHARE, LEFT_SHARE = 0.72, 0.35
# So much of the context is left for the steps that stay, however large the rest of the prompt is.
KEPT_SHARE = 0.12
# The list of what was done takes at most this share.
LIST_SHARE = 0.08
# Characters of a token, on the safe side: code and JSON have fewer than prose.
CHARS_A_TOKEN = 3.0
LINE_CHARS_MAX = 160
_HEAD = "[Done so far in this turn, oldest first. The results are left out to save space; call again for what you still need.]"


def used_tokens(turn: Turn, steps: list[Step], limit: int) -> int:
    """Tokens that a prompt with these steps of a turn takes, by what the server reported last; 0 when it reports nothing."""
    answered = next((step for step in reversed(steps) if step.contextUsed), None)
    if answered is None:
        return 0
    if turn.foldedAt > answered.step:
        return turn.foldedTokens
    newer = sum(_result_chars(step, limit) for step in steps if step.step >= answered.step)
    newer += sum(len(part.text) for part in turn.injected if part.step >= answered.step)
    return answered.contextUsed + int(newer / CHARS_A_TOKEN)


def fold_if_full(session: AgentSession, turn: Turn, limit: int, next_step: int, *, is_overflow: bool = False) -> ContextFolded | None:
    """The fold that is due before step `next_step`, None when none is. `limit`: tokens that the model can read, 0 when unknown.

    `is_overflow`: the server refused the prompt as too long, whatever was estimated.
    """
    steps = [step for step in turn.steps if step.step < next_step]
    before = used_tokens(turn, steps, limit)
    open_steps = [step for step in steps if step.step > turn.foldedTo]
    is_due = is_overflow or (before >= FULL_SHARE * limit and turn.foldedAt != next_step)
    if not limit or not is_due or len(open_steps) < 2:
        return None
    before = max(before, limit) if is_overflow else before
    sizes = {step.step: int(_step_chars(step, limit) / CHARS_A_TOKEN) for step in open_steps}
    fixed = max(0, before - sum(sizes.values()))
    budget = max(LEFT_SHARE * limit - fixed, KEPT_SHARE * limit)
    kept, size = 1, sizes[open_steps[-1].step]
    while kept < len(open_steps) - 1 and size + sizes[open_steps[-kept - 1].step] <= budget:
        kept += 1
        size += sizes[open_steps[-kept].step]
    folded = open_steps[:-kept]
    words = _list(turn, folded, session.transcript.plan, int(LIST_SHARE * limit * CHARS_A_TOKEN))
    after = fixed + size + int((len(words) - len(turn.digest)) / CHARS_A_TOKEN)
    return ContextFolded(
        sid=session.sid,
        turn=turn.id,
        step=next_step,
        upToStep=folded[-1].step,
        before=before,
        after=max(1, min(after, before)),
        digest=words,
    )


async def fold(session: AgentSession, event: ContextFolded, emit: Callable[[Event], Any]) -> None:
    """Store a fold. What follows is built from the stored one, as the next agent would build it."""
    emit(event)
    while (turn := session.transcript.turn(event.turn)) is not None and turn.foldedTo < event.upToStep:
        await session.changed(0.5)


def _list(turn: Turn, folded: list[Step], plan: list[dict[str, str]], chars: int) -> str:
    """What the folded steps did, a line a call; the newest lines that fit, after those of earlier folds."""
    lines = turn.digest.split("\n")[1:] if turn.digest else []
    lines = [line for line in lines if line.startswith("- ")]
    for step in folded:
        if step.text.strip():
            lines.append(f"- said: {_one_line(step.text)}")
        lines += [f"- {_line(call)}" for call in step.calls]
    items = "; ".join("[" + item.get("state", "") + "] " + item.get("text", "") for item in plan)
    planned = [f"Plan: {_one_line(items)}"] if plan else []
    left = chars - len(_HEAD) - sum(map(len, planned)) - 60
    kept = newest(lines, left)
    left_out = len(lines) - len(kept)
    note = [f"({left_out} earlier lines are left out.)"] if left_out else []
    return "\n".join([_HEAD, *note, *kept, *planned])


def _line(call: Call) -> str:
    about = tool_of(call.name, call.server, call.schema).summary(call.args)
    result = call.content.strip().partition("\n")[0]
    size = f", {call.lines} lines" if call.lines > 1 else ""
    state = "ok" if call.state == "ok" else f"not ok: {_one_line(result)[:80]}"
    return f"{call.name} {_one_line(about)[:LINE_CHARS_MAX]}: {state}{size}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LINE_CHARS_MAX]


def _result_chars(step: Step, limit: int) -> int:
    return sum(len(shown_result(call, len(step.calls), limit)) for call in step.calls)


def _step_chars(step: Step, limit: int) -> int:
    """Characters of a step in a prompt: what was said, the calls, and their results."""
    calls = sum(80 + sum(len(str(value)) for value in call.args.values()) for call in step.calls)
    return len(step.text) + calls + _result_chars(step, limit)
