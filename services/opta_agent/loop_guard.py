"""Notices when a model goes in circles: first the model is warned, then the call is not run, then the turn stops with a question.

It reads the turn's stored steps, so an agent that takes a turn over judges as the one before it did.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from opta_core.transcript import Call, Turn
from opta_protocol.events import ToolCall
from opta_protocol.tools.file_access import EDIT_FILE, MULTI_EDIT
from opta_protocol.tools.shell import COMMAND_OUTPUT

# The same call with the same result so many times: the model is warned, the call is not run, the turn stops.
WARNED_AT, REFUSED_AT, STOPPED_AT = 2, 3, 4
# A circle of several calls that was gone through so often.
CYCLE_LENGTHS = (2, 3, 4)
CYCLES_WARNED_AT, CYCLES_STOPPED_AT = 3, 5
# Edits of one file that failed in a row.
EDITS_WARNED_AT, EDITS_STOPPED_AT = 3, 6
# Waiting for something is no circle.
_POLLS = frozenset({COMMAND_OUTPUT.name, "browser_wait", "browser_snapshot"})
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Finding:
    """What to do about the calls so far, and the words for the model or for the person."""

    action: Literal["warn", "refuse", "stop"]
    words: str


def before(turn: Turn, call: ToolCall) -> Finding | None:
    """What to do about a call before it is run; None when it is new."""
    earlier = [known for step in turn.steps if step.step < call.step for known in step.calls]
    count = _same_in_a_row(earlier, _key(call.name, call.args)) + 1
    if call.name in _POLLS or count < REFUSED_AT:
        return None
    words = f"not run: you made this same call {count - 1} times before, and its result was the same each time. Use that result, or do something else"
    return Finding("refuse", words)


def after(turn: Turn) -> Finding | None:
    """What to do after the calls of the last step; None when the turn goes forward."""
    calls = [call for step in turn.steps for call in step.calls]
    if not calls or calls[-1].name in _POLLS:
        return None
    last = calls[-1]
    repeats = _same_in_a_row(calls, _key(last.name, last.args))
    if repeats >= STOPPED_AT:
        return Finding("stop", f"Stopped: the model made the same call {repeats} times ({last.name}). Tell it what to do differently?")
    if repeats == WARNED_AT:
        return Finding(
            "warn", "You made this same call before, with the same result. Do not repeat it; use the result, or do something else."
        )
    return _cycle(calls) or _failing_edits(calls)


def _same_in_a_row(calls: list[Call], key: bytes) -> int:
    """How many of the last calls are this one, with the same result each time."""
    found: list[Call] = []
    for call in reversed(calls):
        if _key(call.name, call.args) != key or (found and not _is_same_result(found[-1], call)):
            break
        found.append(call)
    return len(found)


def _is_same_result(one: Call, other: Call) -> bool:
    return one.content == other.content or "not run:" in one.content or "not run:" in other.content


def _cycle(calls: list[Call]) -> Finding | None:
    keys = [_key(call.name, call.args) + call.content.encode(errors="replace")[:2000] for call in calls[-4 * CYCLES_STOPPED_AT :]]
    for length in CYCLE_LENGTHS:
        times = 1
        while len(keys) >= (times + 1) * length and keys[-(times + 1) * length : -times * length or None] == keys[-length:]:
            times += 1
        if len(set(keys[-length:])) > 1 and times >= CYCLES_STOPPED_AT:
            return Finding(
                "stop", f"Stopped: the model repeats the same {length} calls with the same results. Tell it what to do differently?"
            )
        if len(set(keys[-length:])) > 1 and times == CYCLES_WARNED_AT:
            return Finding("warn", f"You have made the same {length} calls {times} times with the same results. Do something else.")
    return None


def _failing_edits(calls: list[Call]) -> Finding | None:
    edits = [call for call in calls if call.name in (EDIT_FILE.name, MULTI_EDIT.name)]
    if not edits or calls[-1] is not edits[-1]:
        return None
    path = edits[-1].args.get("path")
    failed = 0
    for call in reversed([call for call in edits if call.args.get("path") == path]):
        if call.state != "failed":
            break
        failed += 1
    if failed >= EDITS_STOPPED_AT:
        return Finding("stop", f"Stopped: {failed} edits of {path} failed in a row. Tell the model what to do differently?")
    if failed == EDITS_WARNED_AT:
        return Finding(
            "warn", f"{failed} edits of {path} failed in a row. Read the file again, and copy the text to replace from it exactly."
        )
    return None


def _key(name: str, args: dict[str, object]) -> bytes:
    return name.encode() + b" " + _encode(args)
