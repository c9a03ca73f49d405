"""Text as a model reads it: each line behind its number and a tab, and one line in brackets that says what is not shown.

`12\tcode` keeps the indentation as it is and costs two tokens a line. A whole short file needs no line in brackets.
"""

import re
from dataclasses import dataclass

from .encoding import DecodedText

READ_BYTES_MAX = 64 * 1024
# A longer line is cut when others are shown with it; alone it is shown as far as READ_BYTES_MAX allows.
LINE_CHARS_MAX = 2_000
NOTE = re.compile(r"\[lines? \d[^\n]*\]\Z")


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a text without their ends. `total`: lines of the whole text; `is_exact`: it was counted to the end.

    `has_end`: the last line of the text ends with a line break; None when it is not known.
    """

    shown: list[str]
    first: int
    total: int
    is_exact: bool = True
    has_end: bool | None = True


@dataclass(frozen=True)
class Numbered:
    """Numbered lines with their note. `last`: number of the last line that is shown; `is_cut`: less is shown than was asked for."""

    text: str
    last: int
    is_cut: bool
    has_cut_lines: bool


def split(text: DecodedText) -> tuple[list[str], bool]:
    """(the lines of a text without their ends, whether the last one ends with a line break)."""
    lines = text.text.split("\n") if text.newline != "\r" else text.text.split("\r")
    has_end = not lines[-1]
    if has_end:
        lines.pop()
    return ([line.removesuffix("\r") for line in lines] if text.newline == "\r\n" else lines), has_end


def number(lines: Lines, facts: list[str], read_on: str) -> Numbered:
    """Number lines, as many as fit into READ_BYTES_MAX. `facts`: what else the note says; `read_on`: how to read further, before the number."""
    shown = lines.shown
    long = max(map(len, shown), default=0) > LINE_CHARS_MAX
    if long:
        shown = [_cut(line, LINE_CHARS_MAX) for line in shown] if len(shown) > 1 else [_cut(shown[0], READ_BYTES_MAX - 100)]
        long = shown != lines.shown
    numbered = [f"{at}\t{line}" for at, line in enumerate(shown, lines.first)]
    text = "\n".join(numbered)
    if len(text) > READ_BYTES_MAX or (not text.isascii() and len(text.encode(errors="replace")) > READ_BYTES_MAX):
        numbered = _fitting(numbered)
        text = "\n".join(numbered)
    last = lines.first + len(numbered) - 1
    is_whole = lines.first == 1 and last == lines.total and lines.is_exact
    said = [] if is_whole else [_extent(lines, last)]
    said += facts
    if last == lines.total and lines.has_end is False:
        said.append("no line break at the end")
    if long:
        said.append(_about_long_lines(lines))
    if last < lines.total:
        said.append(f"{read_on}{last + 1}")
    note = f"\n[{'; '.join(said)}]" if said else ""
    return Numbered(text + note, last, long or len(numbered) < len(lines.shown), long)


def _extent(lines: Lines, last: int) -> str:
    """`lines 1-200 of 1312`."""
    span = f"line {last}" if last == lines.first else f"lines {lines.first}-{last}"
    return f"{span} of {'' if lines.is_exact else 'more than '}{lines.total}"


def _about_long_lines(lines: Lines) -> str:
    if len(lines.shown) == 1:
        return "the line is too long to be shown whole; search in it with grep"
    at = next(at for at, line in enumerate(lines.shown, lines.first) if len(line) > LINE_CHARS_MAX)
    return f"long lines are cut at {LINE_CHARS_MAX} characters, read one alone with start_line={at} end_line={at}"


def _cut(line: str, chars: int) -> str:
    return line if len(line) <= chars else f"{line[:chars]}…"


def _fitting(numbered: list[str]) -> list[str]:
    """The first lines that fit, at least one."""
    size = 0
    for count, line in enumerate(numbered):
        size += len(line.encode(errors="replace")) + 1
        if size > READ_BYTES_MAX:
            return numbered[: max(1, count)]
    return numbered
