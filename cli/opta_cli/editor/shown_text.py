"""Untrusted text in an editor, which draws Markdown: in a block of code that the text cannot leave, or on one line."""

import re

from ..plain_text import plain, plain_line, visible

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LINE_CHARS_MAX = 200


def fenced(text: str, language: str = "") -> str:
    """Text as a block of code. Its fence is longer than every run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def output(text: str) -> str:
    """What a program printed, as a block of code, without its colours."""
    return fenced(plain(_COLOURS.sub("", text)))


def exact(text: str) -> str:
    """What a person must see before deciding, as a block of code: characters that hide or disguise text are shown as escapes."""
    return fenced("\n".join("".join(visible(line)) for line in text.split("\n")))


def one_line(text: str) -> str:
    """Text on one line, cut where it is long. Backticks do not start code."""
    line = plain_line(text)
    return line if len(line) <= LINE_CHARS_MAX else f"{line[:LINE_CHARS_MAX]}…"


def notice(text: str) -> str:
    """A remark of Opta between the words of a model, as a quotation."""
    return f"\n\n> {plain_line(text)}\n\n"
