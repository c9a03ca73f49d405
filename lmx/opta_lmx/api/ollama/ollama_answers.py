"""The answers of /api/chat and /api/generate: lines of JSON, or one object. Times are nanoseconds."""

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from ...engine_client.engine_stream import ChoiceEvents
from ...ipc.messages import Delta, Finished
from ...json_values import as_object


class OllamaAnswer:
    """The answer of one request. `is_chat`: it has messages; else it has the plain text of /api/generate."""

    def __init__(self, model: str, *, is_chat: bool):
        self._model, self._is_chat = model, is_chat
        self._started_ns = time.monotonic_ns()
        self._first_ns = 0
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        # The call that is still arriving: its name, and the pieces of its arguments.
        self._name = ""
        self._arguments: list[str] = []
        self._end: Finished | None = None

    def frames(self, events: ChoiceEvents) -> bytes:
        """One line for each piece; the last one has the figures."""
        lines: list[bytes] = []
        for _, event in events:
            if isinstance(event, Delta):
                self._note_first()
                if event.name or event.arguments:
                    lines += self._take_call(event)
                else:
                    lines.append(self._line(self._content(event.text, event.thinking, []), is_done=False))
            elif isinstance(event, Finished):
                lines += self._finish_call()
                lines.append(self._line({**self._content("", "", []), **self._figures(event)}, is_done=True))
        return b"".join(lines)

    def add(self, events: ChoiceEvents) -> None:
        """Collect events for `body`."""
        for _, event in events:
            if isinstance(event, Delta):
                self._note_first()
                if event.name or event.arguments:
                    self._take_call(event)
                else:
                    self._texts.append(event.text)
                    self._thoughts.append(event.thinking)
            elif isinstance(event, Finished):
                self._finish_call()
                self._end = event

    def body(self) -> bytes:
        """The body of a request that does not stream."""
        assert self._end is not None
        content = self._content("".join(self._texts), "".join(self._thoughts), self._calls)
        return self._line({**content, **self._figures(self._end)}, is_done=True)

    def _take_call(self, event: Delta) -> list[bytes]:
        """A call is sent when it is whole: its clients know no pieces of one."""
        lines: list[bytes] = []
        if event.name:
            lines = self._finish_call()
            self._name = event.name
        self._arguments.append(event.arguments)
        return lines

    def _finish_call(self) -> list[bytes]:
        if not self._name:
            return []
        try:
            arguments = as_object(msgspec.json.decode("".join(self._arguments) or "{}")) or {}
        except msgspec.DecodeError:  # cut off by the limit of tokens
            arguments = {}
        call = {"function": {"name": self._name, "arguments": arguments}}
        self._name = ""
        self._arguments.clear()
        self._calls.append(call)
        return [self._line(self._content("", "", [call]), is_done=False)]

    def _content(self, text: str, thinking: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
        if not self._is_chat:
            return {"response": text} | ({"thinking": thinking} if thinking else {})
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        return {"message": message}

    def _figures(self, end: Finished) -> dict[str, Any]:
        now = time.monotonic_ns()
        first = self._first_ns or now
        return {
            "done_reason": end.finish,
            "total_duration": now - self._started_ns,
            "load_duration": 0,
            "prompt_eval_count": end.prompt_tokens,
            "prompt_eval_duration": first - self._started_ns,
            "eval_count": end.completion_tokens,
            "eval_duration": now - first,
        }

    def _note_first(self) -> None:
        self._first_ns = self._first_ns or time.monotonic_ns()

    def _line(self, fields: dict[str, Any], *, is_done: bool) -> bytes:
        return msgspec.json.encode({"model": self._model, "created_at": time_text(time.time()), **fields, "done": is_done}) + b"\n"


def loaded_body(model: str, *, is_chat: bool) -> bytes:
    """The answer to a request without a prompt: the model is loaded."""
    content: dict[str, Any] = {"message": {"role": "assistant", "content": ""}} if is_chat else {"response": ""}
    body = {"model": model, "created_at": time_text(time.time()), **content, "done_reason": "load", "done": True}
    return msgspec.json.encode(body) + b"\n"


def time_text(seconds: float) -> str:
    """A time (seconds since the epoch) in the form of RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
