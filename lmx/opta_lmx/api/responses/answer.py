"""/v1/responses in OpenAI's form: the answers, made of items (messages, reasoning, function calls).

The events are those of platform.openai.com, "Streaming events".
"""

import secrets
import time
from typing import Any

import msgspec

from ...engine_client.engine_stream import ChoiceEvents
from ...ipc.messages import Delta, Finished
from .request import ResponsesRequest


class ResponsesAnswer:
    """The answer of one request."""

    def __init__(self, model: str, request: ResponsesRequest):
        self._request, self._model = request, model
        self._id, self._created = f"resp_{secrets.token_hex(12)}", int(time.time())
        self._items: list[dict[str, Any]] = []
        self._end: Finished | None = None
        # Of the last event of a stream.
        self._number = -1

    def frames(self, events: ChoiceEvents) -> bytes:
        """Named events of these events; `response.created` before the first ones, the whole response after the last one."""
        frames: list[bytes] = []
        if self._number < 0:
            frames.append(self._event("response.created", response=self._response(None)))
            frames.append(self._event("response.in_progress", response=self._response(None)))
        for _, event in events:
            if isinstance(event, Finished):
                frames += self._close_item()
                response = self._response(event)
                frames.append(self._event(f"response.{response['status']}", response=response))
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
        return msgspec.json.encode(self._response(self._end))

    def _continue(self, event: Delta) -> list[bytes]:
        frames = self._close_item() if self._begins_item(event) else []
        is_new = self._collect(event)
        at, item = len(self._items) - 1, self._items[-1]
        item_position = {"item_id": item["id"], "output_index": at}
        if is_new:
            empty: dict[str, Any] = {**item, "arguments": ""} if item["type"] == "function_call" else {**item, "content": []}
            frames.append(self._event("response.output_item.added", output_index=at, item={**empty, "status": "in_progress"}))
            if item["type"] == "message":
                part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
                frames.append(self._event("response.content_part.added", **item_position, content_index=0, part=part))
        if item["type"] == "function_call":
            if event.arguments:
                frames.append(self._event("response.function_call_arguments.delta", **item_position, delta=event.arguments))
        elif item["type"] == "reasoning":
            frames.append(self._event("response.reasoning_text.delta", **item_position, content_index=0, delta=event.thinking))
        else:
            frames.append(self._event("response.output_text.delta", **item_position, content_index=0, delta=event.text, logprobs=[]))
        return frames

    def _collect(self, event: Delta) -> bool:
        """Add an event to the last item, or to a new one; whether it is new."""
        is_new, kind = self._begins_item(event), _kind_of(event)
        if is_new:
            self._items.append(_item(kind, event))
        item = self._items[-1]
        if kind == "function_call":
            item["arguments"] += event.arguments
        else:
            item["content"][0]["text"] += event.thinking or event.text
        return is_new

    def _begins_item(self, event: Delta) -> bool:
        return bool(event.name) or not self._items or self._items[-1]["type"] != _kind_of(event)

    def _close_item(self) -> list[bytes]:
        """The events that end the last item."""
        if not self._items:
            return []
        at, item = len(self._items) - 1, self._items[-1]
        item_position = {"item_id": item["id"], "output_index": at}
        frames: list[bytes] = []
        if item["type"] == "function_call":
            done = self._event("response.function_call_arguments.done", **item_position, name=item["name"], arguments=item["arguments"])
            frames.append(done)
        elif item["type"] == "reasoning":
            frames.append(self._event("response.reasoning_text.done", **item_position, content_index=0, text=item["content"][0]["text"]))
        else:
            part = item["content"][0]
            frames.append(self._event("response.output_text.done", **item_position, content_index=0, text=part["text"], logprobs=[]))
            frames.append(self._event("response.content_part.done", **item_position, content_index=0, part=part))
        return [*frames, self._event("response.output_item.done", output_index=at, item=item)]

    def _response(self, end: Finished | None) -> dict[str, Any]:
        is_cut = end is not None and end.finish == "length"
        request = self._request
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": "in_progress" if end is None else "incomplete" if is_cut else "completed",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "model": self._model,
            "output": self._items if end is not None else [],
            "parallel_tool_calls": request.parallel_tool_calls,
            "previous_response_id": None,
            "store": False,
            "temperature": request.temperature or 0.0,
            "text": {"format": msgspec.to_builtins(request.text.format) if request.text and request.text.format else {"type": "text"}},
            "tool_choice": msgspec.to_builtins(request.tool_choice),
            "tools": msgspec.to_builtins(request.tools),
            "top_p": request.top_p or 1.0,
            "truncation": "disabled",
            "usage": _usage(end) if end is not None else None,
            "metadata": request.metadata or {},
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        body = msgspec.json.encode({"type": kind, "sequence_number": self._number, **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def _kind_of(event: Delta) -> str:
    return "function_call" if event.name or event.arguments else "reasoning" if event.thinking else "message"


def _item(kind: str, event: Delta) -> dict[str, Any]:
    if kind == "function_call":
        id_, call = f"fc_{secrets.token_hex(12)}", f"call_{secrets.token_hex(8)}"
        return {"type": kind, "id": id_, "call_id": call, "name": event.name, "arguments": "", "status": "completed"}
    if kind == "reasoning":
        return {"type": kind, "id": f"rs_{secrets.token_hex(12)}", "summary": [], "content": [{"type": "reasoning_text", "text": ""}]}
    content: list[dict[str, Any]] = [{"type": "output_text", "text": "", "annotations": []}]
    return {"type": kind, "id": f"msg_{secrets.token_hex(12)}", "role": "assistant", "status": "completed", "content": content}


def _usage(end: Finished) -> dict[str, Any]:
    return {
        "input_tokens": end.prompt_tokens,
        "input_tokens_details": {"cached_tokens": end.cached_tokens},
        "output_tokens": end.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": end.thinking_tokens},
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }
