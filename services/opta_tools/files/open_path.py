"""The real path of an open descriptor: from the kernel where it provides it, otherwise resolved by name and compared."""

import errno
import fcntl
import os
from collections.abc import Callable

# macOS: F_GETPATH of <sys/fcntl.h>, and the size of its buffer (MAXPATHLEN).
_F_GETPATH = getattr(fcntl, "F_GETPATH", None)
_PATH_MAX = 1024


def path_of(descriptor: int, name: Callable[[], str]) -> str:
    """The real path of `descriptor`, which was opened as `name()`, an absolute path. Raises OSError when it cannot be determined."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        pass
    if _F_GETPATH is not None:
        return os.fsdecode(fcntl.fcntl(descriptor, _F_GETPATH, b"\0" * _PATH_MAX).rstrip(b"\0"))
    real = os.path.realpath(name())
    if not os.path.samestat(os.lstat(real), os.fstat(descriptor)):
        raise OSError(errno.ESTALE, "it was moved or replaced while it was being opened", real)
    return real
