"""Foreign text made harmless for a terminal: what would move, hide or disguise is shown by its number.

Foreign is what came from a model, a tool, a file name, a title or another process. A terminal obeys control
characters, and an eye believes bidi overrides and does not see zero-width characters.
"""

import re
import sys
from typing import TextIO

_HARMFUL = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # soft hyphen, joiners and fillers without a glyph
    "\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, zero-width, line separators, annotations
    "\ud800-\udfff"  # halves of characters, which no terminal takes
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # controls of shorthand and music, tags, their selectors
    "]"
)
_BREAKS = re.compile(r"[\t\n]")


def plain(text: str) -> str:
    """Text of several lines; tabs and newlines pass."""
    return _HARMFUL.sub(_shown, text)


def plain_line(text: str) -> str:
    """One line: a break in it is shown as `\\n`, so that no text can forge the line after it."""
    return _BREAKS.sub(lambda match: "\\n" if match[0] == "\n" else "\\t", plain(text))


def plain_json(content: bytes) -> bytes:
    """JSON with the same meaning that a terminal can show; harmful characters stand in strings only, as escapes."""
    return _HARMFUL.sub(_escaped, content.decode(errors="replace")).encode()


def print_plain(text: str, stream: TextIO | None = None) -> None:
    """`print` for foreign text."""
    print(plain(text), file=stream or sys.stdout, flush=True)


def print_line(text: str, stream: TextIO | None = None) -> None:
    """`print` for foreign text that is one line, whatever is in it."""
    print(plain_line(text), file=stream or sys.stdout, flush=True)


def _shown(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
