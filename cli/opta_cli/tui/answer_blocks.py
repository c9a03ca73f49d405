"""Cuts Markdown into blocks that are drawn one by one, so that only the last one changes while an answer grows.

A blank line ends a block, except in a code fence and within a list. A very long paragraph is cut, because drawing it again with each
piece would cost more and more. **Invariant:** the blocks of a text that grows are those of the whole text, except the last one.
"""

import re
from typing import NamedTuple

PARAGRAPH_CHARS_MAX = 3000
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?: |$)")


class AnswerBlock(NamedTuple):
    """`text[start:end]` of an answer. `is_open`: a code fence whose end has not come."""

    start: int
    end: int
    is_open: bool


def cut(text: str, start: int = 0) -> list[AnswerBlock]:
    """The blocks of a text from `start`, which must be the start of a block."""
    blocks: list[AnswerBlock] = []
    at, fence, is_list, is_blank = start, "", False, False
    begin = -1
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        line = text[at:end].rstrip("\n")
        if fence:
            mark = line.strip()
            if mark.startswith(fence) and not mark.strip(fence[0]):
                fence = ""
                blocks.append(AnswerBlock(begin, end, False))
                begin = -1
            at = end
            continue
        if not line.strip():
            is_blank = begin >= 0
            at = end
            continue
        # A line that still grows may come to be an item, or no fence: until it is whole it belongs to the block before it.
        is_whole = end < len(text) or text[-1:] == "\n"
        opening = _FENCE.match(line) if is_whole else None
        goes_on = is_list and (line[:1] in " \t" or _ITEM.match(line) or not is_whole)
        if begin >= 0 and ((opening and not (is_list and line[:1] == " ")) or (is_blank and not goes_on)):
            blocks.append(AnswerBlock(begin, at, False))
            begin = -1
        if begin < 0:
            begin, is_list = at, bool(_ITEM.match(line))
        is_blank = False
        if opening and begin == at:
            fence = opening[1]
        elif at - begin > PARAGRAPH_CHARS_MAX:
            # At a line's end, so that every prefix that has the line is cut alike.
            blocks.append(AnswerBlock(begin, at, False))
            begin, is_list = at, bool(_ITEM.match(line))
        while end - begin > 2 * PARAGRAPH_CHARS_MAX and not fence:
            space = text.find(" ", begin + PARAGRAPH_CHARS_MAX, end) + 1
            if not space or space >= end:
                break
            blocks.append(AnswerBlock(begin, space, False))
            begin, is_list = space, False
        at = end
    if begin >= 0:
        blocks.append(AnswerBlock(begin, len(text), bool(fence)))
    return blocks
