"""The text of an answer as parts: what is said, what is thought, and the calls that a model wrote as text."""

import functools
from typing import Any, cast

import msgspec

from opta_core.tool_text.offered import OfferedTools
from opta_core.tool_text.splitter import TextSplitter
from opta_core.tool_text.text_piece import TextPiece

from .base import CallPart, Part, TextPart, Thinking, Thought


class AnswerText:
    """Takes the text and the reasoning of one answer. `tools`: the encoded array of the tools that were offered."""

    def __init__(self, tools: bytes = b""):
        self._splitter = TextSplitter(_offered(tools))
        # The calls that were written as text; those that the server parsed count more.
        self._calls: list[CallPart] = []

    @property
    def is_call_cut(self) -> bool:
        """Whether the answer ended inside of a call."""
        return self._splitter.is_call_cut

    def say(self, text: str) -> list[Part]:
        """Take more of the answer's text."""
        return self._parts(self._splitter.push(text))

    def think(self, text: str) -> list[Part]:
        """Take more of the reasoning, as the server sent it apart from the answer."""
        return self._parts(self._splitter.push_thinking(text))

    def end(self, *, is_cut: bool) -> tuple[list[Part], list[CallPart]]:
        """(what was held back, the calls in the text)."""
        return self._parts(self._splitter.end(is_cut=is_cut)), self._calls

    def _parts(self, pieces: list[TextPiece]) -> list[Part]:
        parts: list[Part] = []
        for piece in pieces:
            match piece.kind:
                case "text":
                    parts.append(TextPart(piece.text))
                case "thinking":
                    parts.append(Thinking(piece.text))
                case "was_thinking":
                    parts.append(Thought())
                case "call":
                    given = piece.arguments
                    self._calls.append(CallPart("", piece.name, given if isinstance(given, str) else msgspec.json.encode(given).decode()))
        return parts


@functools.lru_cache(maxsize=64)
def _offered(tools: bytes) -> OfferedTools:
    """The tools of a request; the same bytes are offered again at every step."""
    return OfferedTools(cast("list[dict[str, Any]]", msgspec.json.decode(tools)) if tools else [])
