"""The store's system calls on files. Tests replace them to make one fail, simulations to model a power loss.

`FileSystem` uses the real disk. The store accesses the disk only through it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class FileStat(NamedTuple):
    """Size in bytes, time of the last change, and whether other users have access."""

    size: int
    changed_ns: int
    is_open_to_others: bool = False


class FileSystem:
    """One method per system call. Each raises OSError like the call."""

    def open(self, file: Path, flags: int) -> int:
        """A descriptor. A new file has mode 0600."""
        return os.open(file, flags | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def size(self, descriptor: int) -> int:
        return os.fstat(descriptor).st_size

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset`; fewer at the end."""
        return os.pread(descriptor, size, offset)

    def write(self, descriptor: int, content: bytes) -> int:
        """Append, and return the number of written bytes: fewer than `content` has when the disk is full."""
        return os.write(descriptor, content)

    def write_at(self, descriptor: int, content: bytes, offset: int) -> int:
        """Overwrite at `offset`, and return the number of written bytes. Not for a descriptor that was opened for appending."""
        return os.pwrite(descriptor, content, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Wait until the bytes are on the disk (fdatasync; F_FULLFSYNC on macOS)."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:  # pragma: no cover (macOS)
            import fcntl

            fcntl.fcntl(descriptor, getattr(fcntl, "F_FULLFSYNC"))  # noqa: B009 (exists on macOS only)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in `folder` are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, file: Path, target: Path) -> None:
        """Rename atomically. An existing target is replaced."""
        file.replace(target)

    def unlink(self, file: Path) -> None:
        file.unlink(missing_ok=True)

    def scan(self, folder: Path) -> Iterator[tuple[str, FileStat]]:
        """Names and stats of the regular files in a folder, in arbitrary order. Links and folders are left out."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.name, _stat_of(entry.stat(follow_symlinks=False))

    def stat(self, file: Path) -> FileStat | None:
        """The stat of a regular file; None when there is none."""
        try:
            found = file.lstat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return _stat_of(found)

    def make_private(self, file: Path) -> None:
        """Set the mode to 0600."""
        descriptor = self.open(file, os.O_RDONLY)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            self.close(descriptor)


def _stat_of(found: os.stat_result) -> FileStat:
    return FileStat(found.st_size, found.st_mtime_ns, found.st_mode & 0o077 != 0)


def read_whole(files: FileSystem, file: Path) -> bytes:
    """The complete content of a file. Raises OSError, also when only a part can be read."""
    descriptor = files.open(file, os.O_RDONLY)
    try:
        return read_range(files, descriptor, 0, files.size(descriptor))
    finally:
        files.close(descriptor)


def read_range(files: FileSystem, descriptor: int, start: int, end: int) -> bytes:
    """The bytes from `start` to `end`. Repeats short reads; raises OSError when the file ends before `end`."""
    content = bytearray()
    while len(content) < end - start:
        more = files.read(descriptor, end - start - len(content), start + len(content))
        if not more:
            raise OSError(errno.EIO, "the file ended while it was read")
        content += more
    return bytes(content)


def write_all(files: FileSystem, descriptor: int, content: bytes) -> None:
    """Write everything. When it raises OSError, a part may be written."""
    view = memoryview(content)
    while view:
        view = view[files.write(descriptor, bytes(view)) :]


def replace_whole(files: FileSystem, file: Path, content: bytes) -> None:
    """Replace `file` atomically: a reader, also after a power loss, sees the old or the new content. Raises OSError."""
    part = file.with_name(f".{file.name}.part")
    try:
        descriptor = files.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_all(files, descriptor, content)
            files.sync(descriptor)
        finally:
            files.close(descriptor)
        files.rename(part, file)
        files.sync_folder(file.parent)
    except OSError:
        with contextlib.suppress(OSError):
            files.unlink(part)
        raise
