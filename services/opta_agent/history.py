"""The transcript as messages for a model, built so that an earlier prefix never changes."""

from typing import Any

import msgspec

from opta_core.transcript import Call, Step, Transcript, Turn

from .prompt import system_prompt

INTERRUPTED = "Error: no result; the call was interrupted"


def messages_of(transcript: Transcript, turn_id: str, cut_off: bool) -> list[dict[str, Any]]:
    """Everything up to and in turn `turn_id`. `cut_off`: its last step is repeated, so that step is left out."""
    messages: list[dict[str, Any]] = []
    for turn in transcript.turns:
        if turn.seq <= transcript.clearedTo:
            continue
        is_this = turn.id == turn_id
        steps = turn.steps[:-1] if is_this and cut_off else turn.steps
        messages += _turn_messages(turn, steps)
        if is_this:
            break
    mode = next((turn.mode for turn in transcript.turns if turn.id == turn_id), transcript.mode)
    return [{"role": "system", "content": system_prompt(transcript.cwd, mode)}, *messages]


def _turn_messages(turn: Turn, steps: list[Step]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": turn.text}]
    for step in steps:
        if step.calls:
            messages.append({"role": "assistant", "content": step.text, "tool_calls": [_call(call) for call in step.calls]})
            messages += [{"role": "tool", "tool_call_id": call.id, "content": call.content or INTERRUPTED} for call in step.calls]
        elif step.text:
            messages.append({"role": "assistant", "content": step.text})
    return messages


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": msgspec.json.encode(call.args).decode()}}
