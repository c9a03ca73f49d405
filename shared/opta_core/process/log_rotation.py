"""Rotation of a log that nobody else rotates: launchd appends what a service writes to a file, for ever. supervisord rotates by itself."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

BYTES_MAX, BACKUPS = 5_000_000, 2
_STANDARD_ERROR = 2


def rotate(log: Path, descriptor: int = _STANDARD_ERROR, bytes_max: int = BYTES_MAX) -> bool:
    """Move the content of `log` to `LOG.1` when it is too long and `descriptor` writes to it; whether it did.

    The file is copied and emptied, because child processes write through descriptors of their own. What one of them writes in between
    is lost.
    """
    try:
        written, named = os.fstat(descriptor), log.stat()
        if not os.path.samestat(written, named) or written.st_size <= bytes_max:
            return False
        # Without it, the next line would be written at its old position, after a hole.
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
        for number in range(BACKUPS - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                _backup(log, number).replace(_backup(log, number + 1))
        shutil.copyfile(log, _backup(log, 1), follow_symlinks=False)
        os.truncate(log, 0)
    except OSError:
        # A full disk, or a file of another owner: the log stays as it is, and the next try is in two seconds.
        return False
    return True


def _backup(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
