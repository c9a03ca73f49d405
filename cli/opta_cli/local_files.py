"""The files that a command line attaches to a prompt."""

import errno
import os
import stat
from pathlib import Path

from opta_core.attachments import BYTES_MAX


def read(paths: list[str]) -> list[tuple[str, bytes]]:
    """(name, content) of each file. Raises OSError, which names the file."""
    return [(Path(path).name, _content(path)) for path in paths]


def _content(path: str) -> bytes:
    # Opened so that a pipe does not wait for its writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
        seen = os.fstat(handle.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "it is not a file", path)
        if seen.st_size > BYTES_MAX:
            raise OSError(errno.EFBIG, f"it has {seen.st_size} bytes; the most is {BYTES_MAX}", path)
        return handle.read(BYTES_MAX + 1)
