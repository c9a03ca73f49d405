"""Reads one folder of a workspace: what is in it, with contents that are kept."""

import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import path_states
from .file_state import mode_of, unkept

# A file that changed so shortly before it was read may change again without a new time.
RACY_NS = 30_000_000
# The content of a file that must not be read is not known.
UNREADABLE = "unkept:unreadable"
# Contents are kept together, some megabytes at a time.
_BATCH_BYTES = 16 * 1024 * 1024


class Entry(NamedTuple):
    """One file, link or folder. `stamp`: size, times of change, inode; empty when it has to be read again."""

    mode: int
    sha256: str
    size: int
    stamp: tuple[int, ...]


Folder = dict[str, Entry]


class FolderReading:
    """The entries of a folder that is read, and its files that have other names elsewhere. Methods raise OSError."""

    def __init__(self, keep: Callable[[Iterable[bytes]], list[str]]):
        self.entries: Folder = {}
        self.bytes = 0
        self.has_linked = False
        self._keep = keep
        self._read: list[tuple[str, bytes, os.stat_result]] = []
        self._waiting = 0

    def add(self, folder: int, name: str, seen: os.stat_result, old: Entry | None) -> None:
        """Add a file or a link, which is read when it is another one than `old`; anything else is left out."""
        self.has_linked |= stat.S_ISREG(seen.st_mode) and seen.st_nlink > 1
        if old is not None and old.stamp == stamp(seen) and old.mode == mode_of(seen):
            self.entries[name] = old
        elif stat.S_ISLNK(seen.st_mode):
            self._wait(name, os.fsencode(os.readlink(name, dir_fd=folder)), seen)
        elif stat.S_ISREG(seen.st_mode):
            try:
                # A sparse file of any size takes no time.
                content, seen = (None, seen) if seen.st_size > path_states.FILE_BYTES_MAX else path_states.content_of(folder, name)
            except PermissionError:
                self.entries[name] = Entry(mode_of(seen), UNREADABLE, 0, ())
                return
            if content is None:
                self.entries[name] = Entry(mode_of(seen), unkept(seen.st_size, seen.st_mtime_ns), 0, stamp(seen))
            else:
                self._wait(name, content, seen)

    def keep(self) -> None:
        """Keep the contents that were read."""
        if self._read:
            for (name, content, seen), sha256 in zip(self._read, self._keep(content for _, content, _ in self._read), strict=True):
                self.entries[name] = Entry(mode_of(seen), sha256, len(content), _settled(seen))
            self._read, self._waiting = [], 0

    def _wait(self, name: str, content: bytes, seen: os.stat_result) -> None:
        self._read.append((name, content, seen))
        self.bytes += len(content)
        self._waiting += len(content)
        if self._waiting > _BATCH_BYTES:
            self.keep()


def stamp(seen: os.stat_result) -> tuple[int, ...]:
    """What differs when a file was changed."""
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def is_there(folder: int, name: str) -> bool:
    """Whether a name is in an open folder."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def is_text(name: str) -> bool:
    """Whether a name is UTF-8, so that events can have it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _settled(seen: os.stat_result) -> tuple[int, ...]:
    """The stamp of a file that was read, or none while it is so new that it may change within the same tick."""
    return stamp(seen) if time.time_ns() - seen.st_ctime_ns > RACY_NS else ()
