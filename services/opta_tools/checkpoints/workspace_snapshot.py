"""A workspace's files as they were last seen, and what differs when they are looked at again.

`.git` is not looked at: undoing changes of a repository's own files would damage it. Caches and installed packages, which programs make
anew, are not looked at either.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..files.workspace import PathProblem, Workspace
from .file_state import mode_of, unkept
from .folder_events import FolderEvents

FILES_MAX = 50_000
BYTES_MAX = 256 * 1024 * 1024
# The content of a larger file is not kept.
FILE_BYTES_MAX = 16 * 1024 * 1024
# A file that changed so shortly before it was read may change again without a new time.
RACY_NS = 30_000_000
GENERATED = frozenset(
    {
        "node_modules",
        "__pycache__",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".gradle",
        ".next",
        ".nuxt",
        ".turbo",
        ".parcel-cache",
        ".svelte-kit",
        ".terraform",
        ".direnv",
    }
)
# Files that mark their folder as a cache (https://bford.info/cachedir/) or as an environment of Python.
_MARKS = frozenset({"CACHEDIR.TAG", "pyvenv.cfg"})


class NotCovered(Exception):
    """The workspace is too large, or too slow to look at. The message says why, in words for people."""


class Entry(NamedTuple):
    """One file, link or folder. `stamp`: size, times of change, inode; empty when it has to be read again."""

    mode: int
    sha256: str
    size: int
    stamp: tuple[int, ...]


Folder = dict[str, Entry]


@dataclass(frozen=True)
class Difference:
    """What differs at one path. None: there is or was nothing."""

    path: str
    before: Entry | None
    after: Entry | None


class WorkspaceSnapshot:
    """The files of one workspace. `keep` keeps the contents that were read, and returns their sha256.

    `folders`: as an earlier process recorded them. Not for several threads at once.
    """

    def __init__(self, workspace: Workspace, keep: Callable[[Iterable[bytes]], list[str]], folders: dict[str, Folder] | None = None):
        self._workspace, self._keep = workspace, keep
        self.folders: dict[str, Folder] = folders or {}
        self._events = FolderEvents(workspace.path)
        self._is_first = True
        # Folders that are not looked at, and files whose names are not text.
        self.left_out: set[str] = set()
        self.odd_names: set[str] = set()
        self._files = self._bytes = 0
        for folder in self.folders.values():
            self._count(folder, 1)
        self._until = 0.0
        # What this look has changed: the folders to record; None for one that is gone.
        self._touched: dict[str, Folder | None] = {}

    def close(self) -> None:
        """Stop watching, and close the workspace."""
        self._events.close()
        self._workspace.close()

    def look(self, limit_s: float) -> list[Difference]:
        """What differs since the last look. Raises NotCovered, OSError, PathProblem; then the snapshot must not be used any more."""
        self._until = time.monotonic() + limit_s
        changed = self._events.take()
        found: list[Difference] = []
        if changed is None or self._is_first:
            found = self._everything()
            self._is_first = False
        else:
            for path in sorted(changed):
                if path in self.folders:
                    found += self._folder(path)
        return found

    def take_touched(self) -> dict[str, Folder | None]:
        """The folders that changed since the last time."""
        touched, self._touched = self._touched, {}
        return touched

    def contents(self) -> set[str]:
        """The sha256 of every content that the workspace has now."""
        return {entry.sha256 for folder in self.folders.values() for entry in folder.values()}

    def wrote(self, path: str, sha256: str) -> None:
        """A file tool wrote a file: this is no difference."""
        folder, _, name = path.rpartition("/")
        if folder not in self.folders:
            return
        try:
            descriptor = self._workspace.open(path, os.O_RDONLY | os.O_NONBLOCK, follows=False)
        except PathProblem:
            return
        try:
            seen = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self._set(folder, name, Entry(mode_of(seen), sha256, seen.st_size, _stamp(seen)))

    def _everything(self) -> list[Difference]:
        gone = set(self.folders)
        found: list[Difference] = []
        waiting = [""]
        while waiting:
            path = waiting.pop()
            gone.discard(path)
            found += self._folder(path, below=waiting)
        for path in gone:
            # What was in it has been named with the folder that held it.
            if path in self.folders:
                self._drop(path)
        return found

    def _folder(self, path: str, below: list[str] | None = None) -> list[Difference]:
        """Look at one folder again, and at those in it that are new. With `below` the paths of all in it are appended to it instead."""
        if time.monotonic() > self._until:
            raise NotCovered("looking at this folder takes too long")
        known = self.folders.get(path, {})
        try:
            descriptor = self._workspace.open(path or ".", os.O_RDONLY | os.O_DIRECTORY, follows=False)
        except PathProblem:
            # It is gone, which the folder that held it shows, or it must not be read.
            return []
        try:
            self._events.add(path, descriptor)
            now = self._read(path, descriptor, known)
        finally:
            os.close(descriptor)
        if now is None:
            self._leave_out(path)
            return []
        if path not in self.folders or known != now:
            self.folders[path] = self._touched[path] = now
            self._count(known, -1)
            self._count(now, 1)
        if self._files > FILES_MAX:
            raise NotCovered(f"this folder holds more than {FILES_MAX:,} files")
        if self._bytes > BYTES_MAX:
            raise NotCovered(f"this folder holds more than {BYTES_MAX // 1024**2} MB")
        return self._compared(path, known, now, below)

    def _compared(self, path: str, known: Folder, now: Folder, below: list[str] | None) -> list[Difference]:
        found: list[Difference] = []
        for name in known.keys() | now.keys():
            was, is_, inner = known.get(name), now.get(name), f"{path}/{name}" if path else name
            is_folder = is_ is not None and stat.S_ISDIR(is_.mode)
            if was is not None and stat.S_ISDIR(was.mode) and not is_folder:
                found += self._drop(inner)
            if is_ is not None and is_folder:
                if below is not None:
                    below.append(inner)
                elif inner not in self.left_out and (was is None or was.stamp != is_.stamp or inner not in self.folders):
                    found += self._folder(inner)
            if inner in self.left_out:
                continue
            if was is None or is_ is None or (was.mode, was.sha256) != (is_.mode, is_.sha256):
                found.append(Difference(inner, was, is_))
        return found

    def _read(self, path: str, descriptor: int, known: Folder) -> Folder | None:
        """The entries of a folder; None when it is a cache."""
        if path and any(_is_there(descriptor, mark) for mark in _MARKS):
            return None
        reading = _Reading(self._keep)
        now = reading.entries
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name, inner = entry.name, f"{path}/{entry.name}" if path else entry.name
                if name == ".git" or not self._workspace.shows(inner):
                    continue
                if not _is_text(name):
                    self.odd_names.add(inner)
                    continue
                # What is gone again, or must not be read, is not there: a command of the same user cannot change it either.
                with contextlib.suppress(OSError):
                    seen = entry.stat(follow_symlinks=False)
                    old = known.get(name)
                    if stat.S_ISDIR(seen.st_mode):
                        if name in GENERATED:
                            self.left_out.add(inner)
                        else:
                            now[name] = Entry(mode_of(seen), "", 0, (seen.st_ino,))
                    elif old is not None and old.stamp == _stamp(seen) and old.mode == mode_of(seen):
                        now[name] = old
                    else:
                        reading.add(descriptor, name, seen)
                        self._check_limits(reading)
        reading.keep()
        return now

    def _check_limits(self, reading: "_Reading") -> None:
        if time.monotonic() > self._until:
            raise NotCovered("looking at this folder takes too long")
        if self._bytes + reading.bytes > BYTES_MAX or self._files + len(reading.entries) > FILES_MAX:
            raise NotCovered(f"this folder holds more than {BYTES_MAX // 1024**2} MB in at most {FILES_MAX:,} files")

    def _set(self, folder: str, name: str, entry: Entry) -> None:
        now = {**self.folders[folder], name: entry}
        self._count(self.folders[folder], -1)
        self._count(now, 1)
        self.folders[folder] = self._touched[folder] = now

    def _drop(self, path: str) -> list[Difference]:
        """Forget a folder that is gone: the differences of what was in it."""
        found: list[Difference] = []
        self._touched[path] = None
        known = self.folders.pop(path, {})
        self._count(known, -1)
        for name, entry in known.items():
            inner = f"{path}/{name}"
            if stat.S_ISDIR(entry.mode):
                found += self._drop(inner)
            found.append(Difference(inner, entry, None))
        return found

    def _leave_out(self, path: str) -> None:
        self._drop(path)
        self.left_out.add(path)

    def _count(self, folder: Folder, sign: int) -> None:
        self._files += sign * len(folder)
        self._bytes += sign * sum(entry.size for entry in folder.values())


class _Reading:
    """The entries of a folder that is read: their contents are kept together, some megabytes at a time."""

    def __init__(self, keep: Callable[[Iterable[bytes]], list[str]]):
        self.entries: Folder = {}
        self.bytes = 0
        self._keep = keep
        self._read: list[tuple[str, bytes, os.stat_result]] = []
        self._waiting = 0

    def add(self, folder: int, name: str, seen: os.stat_result) -> None:
        """Read a file or a link; anything else is left out. Raises OSError."""
        if stat.S_ISLNK(seen.st_mode):
            self._read.append((name, os.fsencode(os.readlink(name, dir_fd=folder)), seen))
        elif not stat.S_ISREG(seen.st_mode):
            return
        elif seen.st_size > FILE_BYTES_MAX:
            self.entries[name] = Entry(mode_of(seen), unkept(seen.st_size, seen.st_mtime_ns), 0, _stamp(seen))
        else:
            content, seen = _content(folder, name)
            self._read.append((name, content, seen))
            self.bytes += len(content)
            self._waiting += len(content)
        if self._waiting > FILE_BYTES_MAX:
            self.keep()

    def keep(self) -> None:
        """Keep the contents that were read. Raises OSError."""
        if self._read:
            for (name, content, seen), sha256 in zip(self._read, self._keep(content for _, content, _ in self._read), strict=True):
                self.entries[name] = Entry(mode_of(seen), sha256, len(content), _settled(seen))
            self._read, self._waiting = [], 0


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _content(folder: int, name: str) -> tuple[bytes, os.stat_result]:
    """A regular file's content, and its state before it was read. Raises OSError."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as handle:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError("it was replaced")
        return handle.read(FILE_BYTES_MAX + 1), seen


def _stamp(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def _settled(seen: os.stat_result) -> tuple[int, ...]:
    """The stamp of a file that was read, or none while it is so new that it may change within the same tick."""
    return _stamp(seen) if time.time_ns() - seen.st_ctime_ns > RACY_NS else ()
