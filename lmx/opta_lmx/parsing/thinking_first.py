"""Parses an answer that a grammar holds: thinking, if the model thinks, then JSON to its end.

Markers inside of the JSON are part of it: a text that quotes one is neither thinking nor a call. Pure text, no mlx.
"""

from typing import Protocol

from .output_parser import OutputPiece


class AnswerParser(Protocol):
    """A parser of an answer, or of what follows thinking. `stopped_by`: the stop string that ended it; `malformed`: calls that were given
    as text.
    """

    @property
    def is_stopped(self) -> bool:
        """Whether the answer is over before the model ends it."""
        ...

    @property
    def stopped_by(self) -> str:
        """The stop string that ended the answer; '' when none did."""
        ...

    @property
    def malformed(self) -> int:
        """Calls that could not be parsed, and were emitted as text."""
        ...

    def parse(self, text: str) -> list[OutputPiece]:
        """Take more text; returns the pieces that are certain now."""
        ...

    def end(self, *, is_cut: bool = False) -> list[OutputPiece]:
        """The rest, when the model is done."""
        ...


class ThinkingFirst:
    """`start`, `end`: the markers of thinking, '' when the model has none. `begins_thinking`: the prompt ends within thinking."""

    def __init__(self, start: str, end: str, answer: AnswerParser, *, begins_thinking: bool):
        self._start, self._end, self._answer = start, end, answer
        self._is_thinking, self._is_answer = begins_thinking, not end
        self._held = ""

    @property
    def is_stopped(self) -> bool:
        """Whether the answer is over before the model ends it."""
        return self._answer.is_stopped

    @property
    def stopped_by(self) -> str:
        """The stop string that ended the answer; '' when none did."""
        return self._answer.stopped_by

    @property
    def malformed(self) -> int:
        """Calls that could not be parsed, and were emitted as text."""
        return self._answer.malformed

    def parse(self, text: str) -> list[OutputPiece]:
        """Take more text; returns the pieces that are certain now."""
        if self._is_answer:
            return self._answer.parse(text)
        self._held += text
        if not self._is_thinking:
            begun = self._held.lstrip()
            if self._start and begun.startswith(self._start):
                self._is_thinking, self._held = True, begun[len(self._start) :]
            elif self._start.startswith(begun):
                return []
            else:
                return self._to_answer(self._held)
        thought, marker, rest = self._held.partition(self._end)
        if marker:
            pieces = [OutputPiece("thinking", thought)] if thought else []
            return pieces + self._to_answer(rest.lstrip())
        keep = next((size for size in range(len(self._end) - 1, 0, -1) if self._held.endswith(self._end[:size])), 0)
        thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return [OutputPiece("thinking", thought)] if thought else []

    def end(self, *, is_cut: bool = False) -> list[OutputPiece]:
        """The rest, when the model is done."""
        held, self._held = self._held, ""
        if self._is_answer or not held:
            return self._answer.end(is_cut=is_cut)
        return [OutputPiece("thinking" if self._is_thinking else "text", held)]

    def _to_answer(self, text: str) -> list[OutputPiece]:
        self._is_answer, self._held = True, ""
        return self._answer.parse(text) if text else []
