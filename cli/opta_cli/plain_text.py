"""Makes untrusted text safe for a terminal: characters that move, hide or disguise text are shown as escapes.

Text of a model, a tool, a file name, a title or another process is untrusted. A terminal executes control characters; a person
is misled by bidi overrides and cannot see zero-width characters.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import TextIO

_HARMFUL = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # soft hyphen, joiners and fillers without a glyph
    "\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, zero-width, line separators, annotations
    "\ud800-\udfff"  # surrogates, which cannot be encoded
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # controls of shorthand and music, tags, their selectors
    "]"
)
# Invisible characters of visible categories: variation selectors, and the braille cell without dots.
_LOOKS_EMPTY = "\u2800\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
BLANKS_MIN = 32
_BREAKS = re.compile(r"[\t\n]")


def plain(text: str) -> str:
    """Make text of several lines safe. Tabs and newlines are kept."""
    return _HARMFUL.sub(_shown, text)


def plain_line(text: str) -> str:
    """Make one line safe: a line break is shown as `\\n`, so that the text cannot forge a following line."""
    return _BREAKS.sub(lambda match: "\\n" if match[0] == "\n" else "\\t", plain(text))


def visible(line: str) -> Iterator[str]:
    """The characters of a line as a person must see them before a decision. The page's `visible.ts` does the same.

    Characters that hide or reorder text, or are invisible, are shown as escapes. Blanks at the end, tabs and long runs of blanks are marked.
    """
    body = line.rstrip(" ")
    at = marks = 0
    while at < len(body):
        character = body[at]
        run = len(body) - at - len(body[at:].lstrip(" ")) if character == " " else 0
        if run >= BLANKS_MIN:
            yield f"[{run} blanks]"
            at += run
            continue
        at += 1
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        if character == "\t":
            yield "→   "
        elif character != " " and (category[0] in "CZ" or character in _LOOKS_EMPTY or _HARMFUL.match(character) or marks > 2):
            yield _number(character)
        else:
            yield character
    blanks = len(line) - len(body)
    yield from ["·"] * blanks if blanks < BLANKS_MIN else [f"[{blanks} blanks]"]


def width_of(text: str) -> int:
    """The width of printable text in terminal columns."""
    return sum(0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def plain_json(content: bytes) -> bytes:
    """JSON with the same meaning that is safe for a terminal: harmful characters, which occur only in strings, are escaped."""
    return _HARMFUL.sub(_escaped, content.decode(errors="replace")).encode()


def print_plain(text: str, stream: TextIO | None = None) -> None:
    """`print` for untrusted text."""
    print(plain(text), file=stream or sys.stdout, flush=True)


def print_line(text: str, stream: TextIO | None = None) -> None:
    """`print` for untrusted text, as one line."""
    print(plain_line(text), file=stream or sys.stdout, flush=True)


def _shown(match: re.Match[str]) -> str:
    return _number(match[0])


def _number(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
