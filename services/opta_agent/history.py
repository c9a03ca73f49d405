"""The transcript as messages for a model, built so that an earlier prefix never changes.

Ended turns are encoded once and kept as bytes: a prompt in a session of two thousand turns costs what it
costs in a short one.
"""

from typing import Any

import msgspec

from opta_core.transcript import Call, Step, Transcript, Turn

from .prompt import RESUME, system_prompt

INTERRUPTED = "Error: no result; the call was interrupted"

_encode = msgspec.json.Encoder().encode


class History:
    """The messages of ended turns, joined by commas."""

    def __init__(self) -> None:
        self._encoded = bytearray()
        self._upto = 0

    def take(self, transcript: Transcript, turn_id: str) -> list[Turn]:
        """Encode every turn before `turn_id`; the turns that are encoded now and need not be kept."""
        if transcript.clearedTo > self._upto:
            self._encoded.clear()
            self._upto = transcript.clearedTo
        taken: list[Turn] = []
        for turn in transcript.turns:
            if turn.id == turn_id:
                break
            taken.append(turn)
            if turn.seq > self._upto:
                for message in _turn_messages(turn, turn.steps):
                    self._encoded += (b"," if self._encoded else b"") + _encode(message)
                self._upto = turn.seq
        return taken

    def messages(self, transcript: Transcript, turn: Turn, *, cut_off: bool) -> msgspec.Raw:
        """A JSON array: system prompt, ended turns, and `turn` so far. `cut_off`: its last step is repeated, so that step is left out."""
        steps = turn.steps[:-1] if cut_off else turn.steps
        system = _encode({"role": "system", "content": system_prompt(transcript.cwd, turn.mode)})
        parts = [system, *([bytes(self._encoded)] if self._encoded else []), *map(_encode, _turn_messages(turn, steps))]
        return msgspec.Raw(b"[" + b",".join(parts) + b"]")


def _turn_messages(turn: Turn, steps: list[Step]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": turn.text or (RESUME if turn.resumes else "")}]
    for step in steps:
        if step.calls:
            messages.append({"role": "assistant", "content": step.text, "tool_calls": [_call(call) for call in step.calls]})
            messages += [{"role": "tool", "tool_call_id": call.id, "content": call.content or INTERRUPTED} for call in step.calls]
        elif step.text:
            messages.append({"role": "assistant", "content": step.text})
    return messages


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": msgspec.json.encode(call.args).decode()}}
