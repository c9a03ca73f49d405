"""Renders conversations with pictures: the template of a model writes each of them in its own way, where it can."""

from typing import Any

from ...json_values import as_list, as_object
from . import picture_marks
from .renderer import TemplateRefusal, TemplateRenderer

_WORDS = "qprobe-user"


class PictureRenderer(TemplateRenderer):
    """A renderer of messages with marks of pictures in their texts: the marks are in the prompt, where the template puts the pictures.

    A template that takes parts gets the pictures of a user's message as parts. Elsewhere, the marks stay where they are in the text.
    """

    # What the template writes for a picture; '' when it writes none, or it is not known yet.
    written = ""

    def __init__(self, tokenizer: Any):
        super().__init__(tokenizer)
        self.written = self._find_written()

    def __call__(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], arguments: dict[str, Any], *, asks: bool = True) -> str:
        """The prompt. Raises TemplateRefusal."""
        if self.written:
            shown = [_with_parts(message) for message in messages]
            numbers = [part["number"] for message in shown for part in as_list(message["content"]) or [] if part["type"] == "image"]
            if numbers and (prompt := self._marked(shown, numbers, tools, arguments, asks=asks)) is not None:
                return prompt
        return super().__call__(messages, tools, arguments, asks=asks)

    def _marked(
        self, messages: list[dict[str, Any]], numbers: list[int], tools: list[dict[str, Any]], arguments: dict[str, Any], *, asks: bool
    ) -> str | None:
        """The prompt with a mark for each picture that the template wrote; None when it did not write all of them."""
        try:
            between = super().__call__(messages, tools, arguments, asks=asks).split(self.written)
        except TemplateRefusal:
            return None
        if len(between) != len(numbers) + 1:
            return None
        marks = [picture_marks.mark_of(number) for number in numbers]
        return between[0] + "".join(mark + text for mark, text in zip(marks, between[1:], strict=True))

    def _find_written(self) -> str:
        words = {"type": "text", "text": _WORDS}
        try:
            plain, pictured = (
                super(PictureRenderer, self).__call__([{"role": "user", "content": parts}], [], {})
                for parts in ([words], [{"type": "image"}, words])
            )
        except TemplateRefusal:
            return ""
        if _WORDS not in plain or _WORDS not in pictured or any(key in pictured for key in ("'type'", '"type"')):
            return ""
        begin = next((at for at, (a, b) in enumerate(zip(plain, pictured, strict=False)) if a != b), len(plain))
        rest = pictured[begin:]
        end = next(
            (at for at, (a, b) in enumerate(zip(reversed(plain[begin:]), reversed(rest), strict=False)) if a != b), len(plain) - begin
        )
        return rest[: len(rest) - end].strip()


def _with_parts(message: dict[str, Any]) -> dict[str, Any]:
    """A user's message with pictures in parts; any other as it is."""
    content = message["content"]
    texts = [content] if isinstance(content, str) else [str((as_object(part) or {}).get("text", "")) for part in as_list(content) or []]
    pieces = [piece for text in texts for piece in picture_marks.split_at_marks(text)]
    if message["role"] != "user" or not any(picture_marks.numbers_in(piece) for piece in pieces):
        return message
    parts = [
        {"type": "image", "number": numbers[0]} if (numbers := picture_marks.numbers_in(piece)) else {"type": "text", "text": piece}
        for piece in pieces
        if piece
    ]
    return {**message, "content": parts}
