"""/v1/responses in OpenAI's form: the answers, made of items (messages, reasoning, function calls).

The events are those of platform.openai.com, "Streaming events".
"""

import secrets
import time
from typing import Any

import msgspec

from ...engine_client.engine_stream import ChoiceEvents
from ...ipc.messages import Delta, Finished
from ...json_values import as_object
from ..tool_set import CallableTool, ToolSet
from .request import ResponsesRequest


class ResponsesAnswer:
    """The answer of one request."""

    def __init__(self, model: str, request: ResponsesRequest, tools: ToolSet):
        self._request, self._model, self._tools = request, model, tools
        self._id, self._created = f"resp_{secrets.token_hex(12)}", int(time.time())
        self._items: list[dict[str, Any]] = []
        self._end: Finished | None = None
        # Arguments of the open call of a tool of free text.
        self._free_text = ""
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
            empty: dict[str, Any] = {**item, **_EMPTY[item["type"]]}
            frames.append(self._event("response.output_item.added", output_index=at, item={**empty, "status": "in_progress"}))
            if item["type"] == "message":
                part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
                frames.append(self._event("response.content_part.added", **item_position, content_index=0, part=part))
        if item["type"] == "custom_tool_call":
            pass  # its text is known when its arguments are whole
        elif item["type"] == "function_call":
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
            self._free_text = ""
            self._items.append(_call_item(self._tools.named(event.name)) if kind == "call" else _text_item(kind))
        item = self._items[-1]
        if item["type"] == "function_call":
            item["arguments"] += event.arguments
        elif item["type"] == "custom_tool_call":
            self._free_text += event.arguments
            item["input"] = _input_of(self._free_text)
        else:
            item["content"][0]["text"] += event.thinking or event.text
        return is_new

    def _begins_item(self, event: Delta) -> bool:
        if event.name or not self._items:
            return True
        kind, last = _kind_of(event), self._items[-1]["type"]
        return kind != ("call" if last in _CALLS else last)

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
        elif item["type"] == "custom_tool_call":
            frames.append(self._event("response.custom_tool_call_input.delta", **item_position, delta=item["input"]))
            frames.append(self._event("response.custom_tool_call_input.done", **item_position, input=item["input"]))
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
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": None,
            "store": False,
            "temperature": request.temperature or 0.0,
            "text": {"format": (request.text and request.text.format) or {"type": "text"}},
            "tool_choice": request.tool_choice,
            "tools": request.tools,
            "top_p": request.top_p or 1.0,
            "truncation": "disabled",
            "usage": _usage(end) if end is not None else None,
            "metadata": request.metadata or {},
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        body = msgspec.json.encode({"type": kind, "sequence_number": self._number, **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


_CALLS = ("function_call", "custom_tool_call")
# Of an item that has just begun.
_EMPTY: dict[str, dict[str, Any]] = {
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
    "reasoning": {"content": []},
    "message": {"content": []},
}


def _kind_of(event: Delta) -> str:
    return "call" if event.name or event.arguments else "reasoning" if event.thinking else "message"


def _call_item(tool: CallableTool) -> dict[str, Any]:
    """The item of a call, under the name and namespace that the client gave the tool."""
    call = f"call_{secrets.token_hex(8)}"
    if tool.is_free_text:
        return {
            "type": "custom_tool_call",
            "id": f"ctc_{secrets.token_hex(12)}",
            "call_id": call,
            "name": tool.declared_name,
            "input": "",
            "status": "completed",
        }
    item = {
        "type": "function_call",
        "id": f"fc_{secrets.token_hex(12)}",
        "call_id": call,
        "name": tool.declared_name,
        "arguments": "",
        "status": "completed",
    }
    return item | ({"namespace": tool.namespace} if tool.namespace else {})


def _text_item(kind: str) -> dict[str, Any]:
    if kind == "reasoning":
        return {"type": kind, "id": f"rs_{secrets.token_hex(12)}", "summary": [], "content": [{"type": "reasoning_text", "text": ""}]}
    content: list[dict[str, Any]] = [{"type": "output_text", "text": "", "annotations": []}]
    return {"type": kind, "id": f"msg_{secrets.token_hex(12)}", "role": "assistant", "status": "completed", "content": content}


def _input_of(arguments: str) -> str:
    """The text of a tool of free text; the arguments themselves when they are not whole."""
    try:
        found = as_object(msgspec.json.decode(arguments or "{}")) or {}
    except msgspec.DecodeError:
        return arguments
    text = found.get("input", "")
    return text if isinstance(text, str) else msgspec.json.encode(text).decode()


def _usage(end: Finished) -> dict[str, Any]:
    return {
        "input_tokens": end.prompt_tokens,
        "input_tokens_details": {"cached_tokens": end.cached_tokens},
        "output_tokens": end.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": end.thinking_tokens},
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }
