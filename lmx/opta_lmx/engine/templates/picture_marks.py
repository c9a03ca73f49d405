"""Marks that stand for pictures in the texts of a conversation, from its messages to the text of its prompt.

A mark is a code point that Unicode keeps out of all interchange. It is taken out of whatever a client sends as text, so a mark always is ours.
"""

import re

_FIRST, _LAST = 0xFDD0, 0xFDEF
# The number of marks that there are.
MARKS_MAX = _LAST - _FIRST + 1
CLASS = f"{chr(_FIRST)}-{chr(_LAST)}"
_MARK = re.compile(f"[{CLASS}]")


def mark_of(number: int) -> str:
    """The mark of the picture with this number, which is below `MARKS_MAX`."""
    return chr(_FIRST + number)


def numbers_in(text: str) -> list[int]:
    """The pictures that are marked in a text, in order."""
    return [ord(mark) - _FIRST for mark in _MARK.findall(text)]


def split_at_marks(text: str) -> list[str]:
    """A text in parts: the texts between the marks at even places, the marks at odd ones."""
    return re.split(f"([{CLASS}])", text)


def without_marks(text: str) -> str:
    """A client's text."""
    return text if text.isascii() else _MARK.sub("", text)
