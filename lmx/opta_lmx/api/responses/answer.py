"""One answer in the form of /v1/responses: items (messages, reasoning, calls), whole or as events."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ...engine_client.client import EngineEvent
from ...ipc.messages import Delta, Finished
from .request import ResponsesRequest


class Response:
    """One answer in this form, whole or as events."""

    def __init__(self, model: str, request: ResponsesRequest):
        self._request, self._model = request, model
        self._id, self._created = f"resp_{secrets.token_hex(12)}", int(time.time())
        self._items: list[dict[str, Any]] = []
        self._number = -1

    async def whole(self, answer: AsyncIterator[list[EngineEvent]]) -> bytes:
        """The body of a request that does not stream."""
        end: Finished | None = None
        async for pieces in answer:
            for piece in pieces:
                if isinstance(piece, Finished):
                    end = piece
                else:
                    self._take(piece)
        assert end is not None
        return msgspec.json.encode(self._body(end))

    async def events(self, answer: AsyncIterator[list[EngineEvent]]) -> AsyncIterator[bytes]:
        """Server-sent events; nothing before the engine has taken the request."""
        frames = [
            self._event("response.created", response=self._body(None)),
            self._event("response.in_progress", response=self._body(None)),
        ]
        async for pieces in answer:
            for piece in pieces:
                if isinstance(piece, Finished):
                    frames += self._closing()
                    body = self._body(piece)
                    frames.append(self._event(f"response.{body['status']}", response=body))
                else:
                    frames += self._told(piece)
            yield b"".join(frames)
            frames = []

    def _take(self, piece: Delta) -> bool:
        """Take in a piece; whether it begins another item."""
        kind = "function_call" if piece.name or piece.arguments else "reasoning" if piece.thinking else "message"
        is_new = bool(piece.name) or not self._items or self._items[-1]["type"] != kind
        if is_new:
            self._items.append(_item(kind, piece))
        item = self._items[-1]
        if kind == "function_call":
            item["arguments"] += piece.arguments
        else:
            item["content"][0]["text"] += piece.thinking or piece.text
        return is_new

    def _told(self, piece: Delta) -> list[bytes]:
        before = len(self._items)
        closing = self._closing() if before and self._begins(piece) else []
        is_new = self._take(piece)
        at, item = len(self._items) - 1, self._items[-1]
        frames = closing
        place = {"item_id": item["id"], "output_index": at}
        if is_new:
            empty: dict[str, Any] = {**item, "arguments": ""} if item["type"] == "function_call" else {**item, "content": []}
            frames.append(self._event("response.output_item.added", output_index=at, item={**empty, "status": "in_progress"}))
            if item["type"] == "message":
                part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
                frames.append(self._event("response.content_part.added", **place, content_index=0, part=part))
        if item["type"] == "function_call":
            if piece.arguments:
                frames.append(self._event("response.function_call_arguments.delta", **place, delta=piece.arguments))
        elif item["type"] == "reasoning":
            frames.append(self._event("response.reasoning_text.delta", **place, content_index=0, delta=piece.thinking))
        else:
            frames.append(self._event("response.output_text.delta", **place, content_index=0, delta=piece.text, logprobs=[]))
        return frames

    def _begins(self, piece: Delta) -> bool:
        kind = "function_call" if piece.name or piece.arguments else "reasoning" if piece.thinking else "message"
        return bool(piece.name) or self._items[-1]["type"] != kind

    def _closing(self) -> list[bytes]:
        """What ends the last item."""
        if not self._items:
            return []
        at, item = len(self._items) - 1, self._items[-1]
        place = {"item_id": item["id"], "output_index": at}
        frames: list[bytes] = []
        if item["type"] == "function_call":
            done = self._event("response.function_call_arguments.done", **place, name=item["name"], arguments=item["arguments"])
            frames.append(done)
        elif item["type"] == "reasoning":
            frames.append(self._event("response.reasoning_text.done", **place, content_index=0, text=item["content"][0]["text"]))
        else:
            part = item["content"][0]
            frames.append(self._event("response.output_text.done", **place, content_index=0, text=part["text"], logprobs=[]))
            frames.append(self._event("response.content_part.done", **place, content_index=0, part=part))
        return [*frames, self._event("response.output_item.done", output_index=at, item=item)]

    def _body(self, end: Finished | None) -> dict[str, Any]:
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


def _item(kind: str, piece: Delta) -> dict[str, Any]:
    if kind == "function_call":
        id_, call = f"fc_{secrets.token_hex(12)}", f"call_{secrets.token_hex(8)}"
        return {"type": kind, "id": id_, "call_id": call, "name": piece.name, "arguments": "", "status": "completed"}
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
