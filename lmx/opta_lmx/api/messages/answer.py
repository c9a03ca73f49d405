"""/v1/messages in Anthropic's form: the answers, as docs.anthropic.com has them under "Messages" and "Streaming messages".

Reasoning comes as thinking blocks without a signature.
"""

import secrets
from typing import Any

import msgspec

from ...engine_client.engine_stream import ChoiceEvents
from ...ipc.messages import Delta, Finished
from ...json_values import as_object

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}
_NO_USAGE = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


class MessagesAnswer:
    """The answer of one request."""

    def __init__(self, model: str):
        self._model = model
        self._id = f"msg_{secrets.token_hex(12)}"
        self._is_begun = self._has_calls = False
        # Of a stream: index and type of the open content block.
        self._at = -1
        self._type: str = ""
        # Of a body: its blocks, and the arguments of the tool_use blocks as JSON text.
        self._blocks: list[dict[str, Any]] = []
        self._arguments: list[str] = []
        self._end: Finished | None = None

    def frames(self, events: ChoiceEvents) -> bytes:
        """Named events of these events; `message_start` before the first ones, `message_stop` after the last one."""
        frames: list[bytes] = []
        if not self._is_begun:
            self._is_begun = True
            frames.append(_event("message_start", message=self._message([], None, None, _NO_USAGE)))
        for _, event in events:
            if isinstance(event, Finished):
                frames += self._finish(event)
            elif isinstance(event, Delta):
                frames += self._continue(event)
        return b"".join(frames)

    def add(self, events: ChoiceEvents) -> None:
        """Collect events for `body`."""
        for _, event in events:
            if isinstance(event, Finished):
                self._end = event
            elif isinstance(event, Delta):
                self._collect(event)

    def body(self) -> bytes:
        """The body of a request that does not stream."""
        assert self._end is not None
        calls = [block for block in self._blocks if block["type"] == "tool_use"]
        for block, text in zip(calls, self._arguments, strict=True):
            block["input"] = _input(text)
        return msgspec.json.encode(self._message(self._blocks, *_reason(self._end, has_calls=bool(calls)), _usage(self._end)))

    def _collect(self, event: Delta) -> None:
        if event.name:
            self._arguments.append(event.arguments)
            self._blocks.append(_block(event))
        elif event.arguments:
            self._arguments[-1] += event.arguments
        else:
            block = _block(event)
            kind = block["type"]
            if self._blocks and self._blocks[-1]["type"] == kind:
                self._blocks[-1][kind] += block[kind]
            else:
                self._blocks.append(block)

    def _continue(self, event: Delta) -> list[bytes]:
        if event.arguments and not event.name:
            return [_event("content_block_delta", index=self._at, delta=_delta(event, "tool_use"))]
        frames: list[bytes] = []
        block = _block(event)
        if block["type"] != self._type or self._type == "tool_use":
            frames += self._close_block()
            self._at, self._type = self._at + 1, str(block["type"])
            self._has_calls |= self._type == "tool_use"
            empty: dict[str, Any] = block if self._type == "tool_use" else {**block, self._type: ""}
            frames.append(_event("content_block_start", index=self._at, content_block=empty))
        return [*frames, _event("content_block_delta", index=self._at, delta=_delta(event, self._type))]

    def _finish(self, end: Finished) -> list[bytes]:
        reason, by = _reason(end, has_calls=self._has_calls)
        delta = {"stop_reason": reason, "stop_sequence": by}
        return [*self._close_block(), _event("message_delta", delta=delta, usage=_usage(end)), _event("message_stop")]

    def _close_block(self) -> list[bytes]:
        return [_event("content_block_stop", index=self._at)] if self._type else []

    def _message(self, content: list[dict[str, Any]], reason: str | None, by: str | None, usage: dict[str, int]) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": by,
            "usage": usage,
        }


def _block(event: Delta) -> dict[str, Any]:
    if event.name:
        return {
            "type": "tool_use",
            "id": f"toolu_{secrets.token_hex(12)}",
            "name": event.name,
            "input": {},
        }
    if event.thinking:
        return {"type": "thinking", "thinking": event.thinking, "signature": ""}
    return {"type": "text", "text": event.text}


def _input(text: str) -> dict[str, Any]:
    """The arguments of a call; {} when the answer was cut off within them."""
    try:
        return as_object(msgspec.json.decode(text or "{}")) or {}
    except msgspec.DecodeError:
        return {}


def _delta(event: Delta, kind: str) -> dict[str, Any]:
    if kind == "tool_use":
        return {"type": "input_json_delta", "partial_json": event.arguments}
    if kind == "thinking":
        return {"type": "thinking_delta", "thinking": event.thinking}
    return {"type": "text_delta", "text": event.text}


def _reason(end: Finished, *, has_calls: bool) -> tuple[str, str | None]:
    if has_calls and end.finish == "stop":
        return "tool_use", None
    return ("stop_sequence", end.stopped_by) if end.stopped_by else (STOP_REASONS[end.finish], None)


def _usage(end: Finished) -> dict[str, int]:
    return {
        "input_tokens": end.prompt_tokens - end.cached_tokens,
        "output_tokens": end.completion_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": end.cached_tokens,
    }


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))
