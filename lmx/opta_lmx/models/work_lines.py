"""What programs that make a model folder write to their standard output: one JSON object a line, the last one `done` or `failed`."""

import os
import signal
import sys
import time
from collections.abc import Callable

import msgspec

from opta_core.errors import OptaError
from opta_core.process.parent_death import die_with_parent
from opta_protocol.lmx import LmxWorkDone, LmxWorkFailed, LmxWorkLine, LmxWorkProgress

_PROGRESS_EVERY_S = 0.2


class ProgressLines:
    """Writes progress, at most five times a second."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Report bytes read, of those to read."""
        if (now := time.monotonic()) - self._said >= _PROGRESS_EVERY_S or done >= total:
            self._said = now
            write_line(LmxWorkProgress(done=done, total=total))


def run_program(work: Callable[[], LmxWorkDone]) -> int:
    """Do the work and write its last line; returns the exit code. The process dies with its parent."""
    os.umask(0o077)
    die_with_parent()
    # Ended by its caller, it removes what it has written.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        write_line(work())
    except OptaError as error:
        return _failed(error.message, retryable=error.retryable)
    except OSError as error:
        return _failed(f"{error.strerror or error}: {error.filename or ''}. Nothing was made.", retryable=False)
    except MemoryError:
        return _failed("There is not enough memory. Nothing was made.", retryable=True)
    except Exception as error:  # whatever fails, the caller reads one sentence and never a traceback
        return _failed(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}. Nothing was made.", retryable=False)
    return 0


def write_line(line: LmxWorkLine) -> None:
    """Write one line at once. Ends the process when nobody reads any more."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(1)


def _failed(message: str, *, retryable: bool) -> int:
    plain = "".join(character if character.isprintable() else "?" for character in message)
    write_line(LmxWorkFailed(message=plain, retryable=retryable))
    return 1
