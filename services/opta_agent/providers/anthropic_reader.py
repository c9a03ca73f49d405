"""The bytes of one answer of the Messages API become parts: named events of content blocks, or one whole message."""

from typing import Any

import msgspec

from opta_core.model_servers.server_model import list_of, object_of
from opta_protocol.events import ThinkingBlock

from . import failures
from .answer_reader import ErrorInStream
from .answer_text import AnswerText
from .base import CallPart, End, Finish, Part, Thinking, Usage
from .chunk import count
from .event_reader import EventReader
from .failures import Failure
from .sse import Payload

_FINISHES: dict[str, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _Block:
    """One content block as far as it came. `pieces`: of the arguments of a call, or of a signature."""

    def __init__(self, fields: dict[str, Any]):
        self.kind = str(fields.get("type", ""))
        self.id, self.name = str(fields.get("id", "")), str(fields.get("name", ""))
        self.given: Any = fields.get("input")
        self.data = str(fields.get("data", ""))
        self.signature = str(fields.get("signature") or "")
        self.pieces: list[str] = []
        self.chars = 0


class AnthropicReader(EventReader):
    """The reader of one answer. `tools`: the encoded tools that were offered, in the chat form."""

    def __init__(self, tools: bytes = b""):
        super().__init__()
        self._text = AnswerText(tools)
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, Any] = {}
        self._reason = ""
        self._model = ""
        # Characters of reasoning. Some stood in the text or in a block without a signature, if they are more than those of signed blocks:
        # then signed blocks cannot be found again in all of it.
        self._thought = 0

    @property
    def is_finished(self) -> bool:
        """Whether the server said why the answer ended."""
        return bool(self._reason)

    @property
    def has_content(self) -> bool:
        """Whether anything of an answer came."""
        return self.progress > 0

    def end(self) -> list[Part]:
        """What was held back, the calls, and the end."""
        is_cut = _FINISHES.get(self._reason) == "length"
        parts, written = self._text.end(is_cut=is_cut)
        self._thought += _thinking_chars(parts)
        calls = [
            CallPart(block.id, block.name, _arguments(block)) for block in self._blocks.values() if block.kind == "tool_use"
        ] or written
        usage = self._read_usage()
        if is_cut:
            return [*parts, End("length", usage, has_cut_call=bool(calls) or self._text.is_call_cut, model=self._model)]
        finish: Finish = "tool_calls" if calls else "content_filter" if _FINISHES.get(self._reason) == "content_filter" else "stop"
        has_loose_thinking = self._thought != sum(block.chars for block in self._blocks.values() if block.signature)
        blocks = () if has_loose_thinking else tuple(filter(None, map(_sealed, self._blocks.values())))
        return [*parts, *calls, End(finish, usage, thinking_blocks=blocks, model=self._model)]

    def _parts(self, events: list[Payload]) -> list[Part]:
        parts: list[Part] = []
        for event in events:
            if event.name == "error":
                raise ErrorInStream(failures.of_value(event.value) or Failure(event.text.decode(errors="replace")))
            self._take(object_of(event.value), parts)
        self._thought += _thinking_chars(parts)
        return parts

    def _take(self, event: dict[str, Any], parts: list[Part]) -> None:
        at = count(event.get("index"))
        match event.get("type"):
            case "message_start":
                message = object_of(event.get("message"))
                self._model = str(message.get("model") or "")[:200]
                self._usage |= object_of(message.get("usage"))
            case "content_block_start":
                self._begin(at, object_of(event.get("content_block")), parts)
            case "content_block_delta":
                self._continue(at, object_of(event.get("delta")), parts)
            case "message_delta":
                self._reason = str(object_of(event.get("delta")).get("stop_reason") or self._reason)[:80]
                self._usage |= {name: value for name, value in object_of(event.get("usage")).items() if value}
            case "message_stop":
                self.is_done = True
            case "message":
                self._take_whole(event, parts)
            case "content_block_stop" | "ping":
                pass
            case _:
                if failure := failures.of_value(event):
                    raise ErrorInStream(failure)

    def _take_whole(self, message: dict[str, Any], parts: list[Part]) -> None:
        """A message that was not streamed."""
        self._model, self._usage = str(message.get("model") or "")[:200], object_of(message.get("usage"))
        for at, block in enumerate(list_of(message.get("content"))):
            self._begin(at, object_of(block), parts)
        self._reason = str(message.get("stop_reason") or "end_turn")[:80]
        self.progress += 1

    def _begin(self, at: int, fields: dict[str, Any], parts: list[Part]) -> None:
        self._blocks[at] = _Block(fields)
        self.progress += 1
        for name in ("text", "thinking"):
            if isinstance(fields.get(name), str) and fields[name]:
                self._continue(at, {name: fields[name]}, parts)

    def _continue(self, at: int, delta: dict[str, Any], parts: list[Part]) -> None:
        block = self._blocks.setdefault(at, _Block({}))
        self.progress += 1
        if isinstance(text := delta.get("text"), str):
            parts += self._text.say(text)
        if isinstance(thought := delta.get("thinking"), str) and thought:
            block.kind = block.kind or "thinking"
            block.chars += len(thought)
            parts.append(Thinking(thought))
        if isinstance(signature := delta.get("signature"), str):
            block.signature += signature
        if isinstance(piece := delta.get("partial_json"), str):
            block.pieces.append(piece)

    def _read_usage(self) -> Usage | None:
        if not self._usage:
            return None
        cached = count(self._usage.get("cache_read_input_tokens"))
        created = count(self._usage.get("cache_creation_input_tokens"))
        return Usage(
            prompt=count(self._usage.get("input_tokens")) + created + cached,
            completion=count(self._usage.get("output_tokens")),
            cached=cached,
            thinking=count(object_of(self._usage.get("output_tokens_details")).get("thinking_tokens")),
        )


def _thinking_chars(parts: list[Part]) -> int:
    return sum(len(part.delta) for part in parts if isinstance(part, Thinking))


def _arguments(block: _Block) -> str:
    return "".join(block.pieces) or msgspec.json.encode(object_of(block.given)).decode()


def _sealed(block: _Block) -> ThinkingBlock | None:
    """A block that the server wants back; None for one that it did not sign."""
    if block.kind == "redacted_thinking" and block.data:
        return ThinkingBlock(data=block.data)
    return ThinkingBlock(chars=block.chars, signature=block.signature) if block.signature else None
