"""Splits `<think>…</think>` out of an answer that arrives in pieces."""

from .base import Part, TextPart, Thinking

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Text in, TextPart and Thinking parts out; a tag cut in two by the network is put together."""

    def __init__(self) -> None:
        self._is_thinking = False
        self._held = ""

    def feed(self, text: str) -> list[Part]:
        """The parts that are certain so far."""
        text, self._held = self._held + text, ""
        parts: list[Part] = []
        while text:
            tag = _CLOSE if self._is_thinking else _OPEN
            before, found, after = text.partition(tag)
            if not found:
                keep = _possible_start(text, tag)
                before, self._held = text[: len(text) - keep], text[len(text) - keep :]
                after = ""
            self._add(parts, before)
            if found:
                self._is_thinking = not self._is_thinking
            text = after
        return parts

    def end(self) -> list[Part]:
        """What was held back as a possible tag."""
        parts: list[Part] = []
        self._add(parts, self._held)
        self._held = ""
        return parts

    def _add(self, parts: list[Part], text: str) -> None:
        if text:
            parts.append(Thinking(text) if self._is_thinking else TextPart(text))


def _possible_start(text: str, tag: str) -> int:
    """How many characters at the end could begin `tag`."""
    if "<" not in text[-len(tag) :]:
        return 0
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-n:])), 0)
