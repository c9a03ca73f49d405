"""What the terminal can show: whether rows can be drawn again, and in which colours.

Colours are those of the terminal's palette, so they suit dark and light themes. `NO_COLOR` and a dumb terminal turn all of them off.
"""

import os
import sys
from typing import Literal, TextIO

Tone = Literal["violet", "cyan", "green", "red", "yellow", "dim", "bold"]
# Violet is no colour of the sixteen; 141 is readable on black and on white.
_CODES: dict[Tone, str] = {"violet": "38;5;141", "cyan": "36", "green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
_DUMB = ("", "dumb", "unknown")


def is_dumb() -> bool:
    """Whether the terminal takes text only: no cursor movement, no colours, no keys but characters."""
    return os.environ.get("TERM", "") in _DUMB


def can_draw() -> bool:
    """Whether answers can be drawn: standard output and standard error are a terminal that moves its cursor."""
    return sys.platform != "win32" and not is_dumb() and sys.stdout.isatty() and sys.stderr.isatty()


def can_edit() -> bool:
    """Whether a message can be edited: keys come from a terminal, and are shown on one."""
    return sys.platform != "win32" and not is_dumb() and sys.stdin.isatty() and sys.stderr.isatty()


def has_colour() -> bool:
    """Whether the person and the terminal take colours."""
    return not os.environ.get("NO_COLOR") and not is_dumb()


def rewraps() -> bool:
    """Whether the terminal wraps lines again when its width changes, as most do."""
    is_multiplexed = bool(os.environ.get("TMUX"))
    return is_multiplexed or not ("XTERM_VERSION" in os.environ or "STY" in os.environ or os.environ.get("TERM") == "linux")


def toned(text: str, tone: Tone, stream: TextIO | None = None) -> str:
    """A text in a tone, for a stream that is a terminal with colours; else the text. Without `stream`, it is known to be one."""
    if not text or not has_colour() or (stream is not None and not stream.isatty()):
        return text
    return f"\x1b[{_CODES[tone]}m{text}\x1b[0m"
