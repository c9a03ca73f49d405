"""The store's system calls on files, so that a test can fail the n-th one and a simulation can lose the power.

`FileSystem` is the real disk. Everything the store knows of the disk goes through it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class FileStat(NamedTuple):
    """Size in bytes, when the file last changed, and whether other users may use it."""

    size: int
    changed_ns: int
    is_open_to_others: bool = False


class FileSystem:
    """One method a system call; each raises OSError as that call does."""

    def open(self, file: Path, flags: int) -> int:
        """A descriptor, 0600 when the file is made."""
        return os.open(file, flags | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def size(self, descriptor: int) -> int:
        return os.fstat(descriptor).st_size

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset`; fewer at the end."""
        return os.pread(descriptor, size, offset)

    def write(self, descriptor: int, content: bytes) -> int:
        """How many bytes were appended; fewer than asked for on a full disk."""
        return os.write(descriptor, content)

    def write_at(self, descriptor: int, content: bytes, offset: int) -> int:
        """How many bytes were written over what is at `offset`; not on a descriptor that appends."""
        return os.pwrite(descriptor, content, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Until the bytes are on the disk (fdatasync; F_FULLFSYNC on macOS)."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:  # pragma: no cover (macOS)
            import fcntl

            fcntl.fcntl(descriptor, getattr(fcntl, "F_FULLFSYNC"))  # noqa: B009 (known to macOS alone)

    def sync_folder(self, folder: Path) -> None:
        """Until the names in `folder` are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, file: Path, target: Path) -> None:
        """Atomic; an existing target is replaced."""
        file.replace(target)

    def unlink(self, file: Path) -> None:
        file.unlink(missing_ok=True)

    def scan(self, folder: Path) -> Iterator[tuple[str, FileStat]]:
        """Names of regular files and what `stat` says of them; links and folders are left out. In no certain order."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.name, _stat_of(entry.stat(follow_symlinks=False))

    def stat(self, file: Path) -> FileStat | None:
        """None when there is no such regular file."""
        try:
            found = file.lstat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return _stat_of(found)

    def make_private(self, file: Path) -> None:
        """Let nobody but the owner use it."""
        descriptor = self.open(file, os.O_RDONLY)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            self.close(descriptor)


def _stat_of(found: os.stat_result) -> FileStat:
    return FileStat(found.st_size, found.st_mtime_ns, found.st_mode & 0o077 != 0)


def read_whole(files: FileSystem, file: Path) -> bytes:
    """The content of a file. Raises OSError, also when a part of it cannot be read."""
    descriptor = files.open(file, os.O_RDONLY)
    try:
        return read_range(files, descriptor, 0, files.size(descriptor))
    finally:
        files.close(descriptor)


def read_range(files: FileSystem, descriptor: int, start: int, end: int) -> bytes:
    """The bytes from `start` to `end`. A read may return less than was asked for; less than there is, is an error."""
    content = bytearray()
    while len(content) < end - start:
        more = files.read(descriptor, end - start - len(content), start + len(content))
        if not more:
            raise OSError(errno.EIO, "the file ended while it was read")
        content += more
    return bytes(content)


def write_all(files: FileSystem, descriptor: int, content: bytes) -> None:
    """Write everything, or raise OSError with a part of it written."""
    view = memoryview(content)
    while view:
        view = view[files.write(descriptor, bytes(view)) :]


def replace_whole(files: FileSystem, file: Path, content: bytes) -> None:
    """Replace `file` at once: a reader, and a start after a power loss, see the old content or the new."""
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
