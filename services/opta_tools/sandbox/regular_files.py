"""Reads small regular files in an opened folder, without following links or blocking on pipes."""

import os
import stat


def content(folder: int, name: str, bytes_max: int) -> bytes | None:
    """At most `bytes_max` bytes of a file; None if it does not exist or is not a regular file."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        found = bytearray()
        while part := os.read(descriptor, bytes_max - len(found)):
            found += part
        return bytes(found)
    finally:
        os.close(descriptor)


def is_there(folder: int, name: str) -> bool:
    """Whether a name exists in an opened folder, including a dangling link."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    except OSError:
        return False
