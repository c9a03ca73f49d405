"""Standard input, output and error as every command can rely on them, whatever the shell has closed or set."""

import contextlib
import io
import os
import sys


def repair() -> None:
    """Open closed streams on nothing, and make every character printable: a terminal that cannot show one gets an escape."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is the one that was closed.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False))
        elif isinstance(stream, io.TextIOWrapper):
            # A file or a pipe takes UTF-8 also where the locale says nothing; a terminal shows what it can.
            is_narrow = stream.encoding.lower().replace("-", "") != "utf8"
            wide = is_narrow and not stream.isatty() and "PYTHONIOENCODING" not in os.environ
            stream.reconfigure(encoding="utf-8" if wide else None, errors="backslashreplace")


def finish() -> None:
    """Write what is left. When nobody reads the output any more, it goes nowhere: Python would report that as an error of ours."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
