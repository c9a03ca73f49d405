"""A notice on the desktop, as far as this machine has a program for it, and always the terminal's bell."""

import contextlib
import os
import shutil
import subprocess
import sys

from .plain_text import plain_line

WAIT_S = 5


def notify(title: str, text: str) -> None:
    """Show a notice. What cannot be shown is left out: the ending is printed in any case."""
    title, text = plain_line(title)[:100], plain_line(text)[:200]
    if sys.stderr.isatty():
        sys.stderr.write("\a")
        if os.environ.get("TERM") != "dumb":
            # Terminals without notices of their own ignore this sequence.
            sys.stderr.write(f"\x1b]9;{title}: {text}\x1b\\")
        sys.stderr.flush()
    for program in (["notify-send", "--app-name=opta", "--", title, text], ["osascript", "-e", _SCRIPT, title, text]):
        if shutil.which(program[0]):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
            return


# The words are arguments, so that none of them is read as script.
_SCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
