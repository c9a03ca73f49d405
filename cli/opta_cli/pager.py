"""Long text for a person: through the pager on a terminal, as it is elsewhere."""

import os
import sys
from collections.abc import Iterable

from .plain_text import plain_line


def page_lines(lines: Iterable[str]) -> None:
    """Print untrusted texts, one a line, as `page` does."""
    page("".join(f"{plain_line(line)}\n" for line in lines))


def page(text: str) -> None:
    """Print text. On a terminal that it does not fit, through `$PAGER` (`less` by default); an empty `$PAGER` means none."""
    pager = os.environ.get("PAGER", "less")
    if not sys.stdout.isatty() or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb":
        sys.stdout.write(text)
        return
    # Only here: every list would pay for them.
    import shlex
    import shutil
    import subprocess

    lines = shutil.get_terminal_size().lines
    words = shlex.split(pager) if pager.strip() else []
    if text.count("\n") < lines or not words or shutil.which(words[0]) is None:
        sys.stdout.write(text)
        return
    # R: colours are shown; X: the text stays on the screen; F: a short one needs no key.
    done = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, "LESS": os.environ.get("LESS", "RXF")})
    try:
        done.communicate(text.encode(errors="replace"))
    except (BrokenPipeError, KeyboardInterrupt):
        done.wait()
