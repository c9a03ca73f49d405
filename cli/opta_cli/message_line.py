"""Reads a message on a terminal, with editing and history where Python has a line editor. A pasted text stays one message.

GNU readline marks pastes itself. Elsewhere, lines that follow each other faster than a person types belong to one message.
"""

import contextlib
import select
import sys

TOGETHER_S = 0.08
HISTORY_MAX = 1000


def read_message(prompt: str) -> str:
    """The next message. Raises EOFError at the end of input, and KeyboardInterrupt."""
    with contextlib.suppress(ImportError):
        import readline

        readline.set_history_length(HISTORY_MAX)
        readline.parse_and_bind("set enable-bracketed-paste on")
    lines = [input(prompt)]
    while _comes():
        line = _line()
        if line is None:
            break
        lines.append(line)
    return "\n".join(lines)


def _line() -> str | None:
    with contextlib.suppress(EOFError):
        return input()
    return None


def _comes() -> bool:
    """Whether more input is there at once."""
    return bool(select.select([sys.stdin.fileno()], [], [], TOGETHER_S)[0])
