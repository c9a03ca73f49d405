"""The bytes of one answer of a chat server become parts; calls are put together until they are whole."""

from typing import Any

from opta_core.errors import Unavailable
from opta_protocol.error_info import ErrorCode

from . import chunk as chunks
from . import failures
from .answer_text import AnswerText
from .base import CallPart, End, Finish, Part, Usage
from .event_reader import EventReader
from .failures import Failure
from .sse import Payload
from .streamed_calls import StreamedCalls


class ErrorInStream(Exception):
    """The server reports an error in the place of its answer."""

    def __init__(self, failure: Failure):
        super().__init__(failure.message)
        self.failure = failure


class AnswerReader(EventReader):
    """The reader of one answer. `tools`: the encoded tools that were offered."""

    def __init__(self, tools: bytes = b""):
        super().__init__()
        self._text = AnswerText(tools)
        self._calls = StreamedCalls()
        self._finish: chunks.Finish = ""
        self._finish_text = ""
        self._usage: Usage | None = None
        self._has_said = False
        # The field in which the reasoning came, '' when it stood in the text or there was none.
        self.thinking_field = ""
        # The name under which the server answers.
        self.model = ""

    @property
    def is_finished(self) -> bool:
        """Whether the server said why the answer ended, or marked its end after it had said something."""
        return bool(self._finish) or (self.is_done and self._has_said)

    @property
    def has_content(self) -> bool:
        """Whether anything of an answer came."""
        return self._has_said

    def end(self) -> list[Part]:
        """What was held back, and the end. Raises Unavailable when the server says that it failed."""
        is_cut = self._finish == "length"
        parts, written = self._text.end(is_cut=is_cut)
        calls: list[CallPart] = self._calls.parts() or written
        if self._finish == "error":
            raise Unavailable(f"the server ended the answer with {self._finish_text!r}", code=ErrorCode.stream_lost)
        if is_cut:
            # Calls that were cut off may look whole and not be: `rm -r build` of `rm -r build/tmp`.
            return [*parts, End("length", self._usage, has_cut_call=bool(calls) or self._text.is_call_cut, model=self.model)]
        finish: Finish = "tool_calls" if calls else "content_filter" if self._finish == "content_filter" else "stop"
        return [*parts, *calls, End(finish, self._usage, thinking_field=self.thinking_field, model=self.model)]

    def _parts(self, events: list[Payload]) -> list[Part]:
        parts: list[Part] = []
        for event in events:
            if event.is_done:
                self.is_done = True
                break
            if event.name == "error":
                raise ErrorInStream(failures.of_value(event.value) or Failure(event.text.decode(errors="replace")))
            if event.value is not None:
                self._take(event.value, parts)
        return parts

    def _take(self, value: Any, parts: list[Part]) -> None:
        if failure := failures.of_value(value):
            raise ErrorInStream(failure)
        found = chunks.read(value)
        if found.prefill is not None:
            parts.append(found.prefill)
        if found.usage is not None:
            self._usage = found.usage
        self.model = self.model or found.model
        if found.finish:
            self._finish, self._finish_text = found.finish, found.finish_text
        # Some servers repeat the whole answer at its end.
        if not (found.is_message and self._has_said):
            says = bool(found.text or found.thinking or found.calls or found.function)
            self.progress += says
            self._has_said |= says
            if found.thinking:
                self.thinking_field = found.thinking_field
                parts += self._text.think(found.thinking)
            if found.text:
                parts += self._text.say(found.text)
            if found.calls:
                self._calls.take(found.calls)
            if found.function:
                self._calls.take_function(found.function)
