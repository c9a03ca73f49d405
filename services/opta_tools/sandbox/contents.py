"""Recognises a control file by its content, so that it stays known when a person removes and restores it, as by changing branches."""

import contextlib
import hashlib
import os
import stat

from . import linux
from .control import BENEATH, Control

# A larger file, or a folder with more entries, is not recognised.
BYTES_MAX, ENTRIES_MAX = 1024 * 1024, 200
# The bytes that are read in one check; files beyond it are not recognised.
BYTES_A_LOOK_MAX = 16 * 1024 * 1024


class Contents:
    """Digests of the control files of a tree. `root`: a descriptor of it."""

    def __init__(self, root: int):
        self._root = root
        # (device, inode, time of change, size) -> digest, so that a file is read once
        self._files: dict[tuple[int, int, int, int], bytes] = {}
        self._bytes = 0

    def begin_look(self) -> None:
        """Reset the limit on read bytes, at the begin of a check."""
        self._bytes = 0

    def digest(self, control: Control) -> bytes | None:
        """The digest of a file or of a folder's content; None if it is too large, changes while it is read, or is another kind of file."""
        self._entries = 0
        try:
            descriptor = linux.openat2(self._root, control.path, os.O_RDONLY | os.O_NONBLOCK, BENEATH)
        except OSError:
            return None
        try:
            if linux.identity(descriptor) != list(control.identity):
                return None
            return self._of(descriptor)
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def _of(self, descriptor: int) -> bytes:
        """The digest of an opened file or folder. Raises OSError, ValueError when there is none."""
        self._entries += 1
        if self._entries > ENTRIES_MAX:
            raise ValueError
        seen = os.fstat(descriptor)
        if stat.S_ISREG(seen.st_mode):
            return self._of_file(descriptor, seen)
        if not stat.S_ISDIR(seen.st_mode):
            raise ValueError
        found = hashlib.sha256(b"folder")
        for name in sorted(os.listdir(descriptor)):
            found.update(os.fsencode(name) + b"\0")
            below = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISLNK(below.st_mode):
                found.update(b"link" + os.fsencode(os.readlink(name, dir_fd=descriptor)) + b"\0")
                continue
            inner = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            try:
                found.update(self._of(inner))
            finally:
                os.close(inner)
        return found.digest()

    def _of_file(self, descriptor: int, seen: os.stat_result) -> bytes:
        key = seen.st_dev, seen.st_ino, seen.st_ctime_ns, seen.st_size
        if key in self._files:
            return self._files[key]
        self._bytes += seen.st_size
        if seen.st_size > BYTES_MAX or self._bytes > BYTES_A_LOOK_MAX:
            raise ValueError
        content = bytearray()
        while part := os.read(descriptor, BYTES_MAX + 1 - len(content)):
            content += part
        after = os.fstat(descriptor)
        if len(content) != seen.st_size or after.st_ctime_ns != seen.st_ctime_ns:
            raise ValueError
        digest = hashlib.sha256(b"file%d" % bool(seen.st_mode & 0o100) + content).digest()
        with contextlib.suppress(KeyError):
            if len(self._files) > 10 * ENTRIES_MAX:
                self._files.clear()
            self._files[key] = digest
        return digest
