"""A workspace's files as they were last seen, and what differs when they are looked at again.

`.git` is not looked at: undoing changes of a repository's own files would damage it. Caches and installed packages, which programs make
anew, are not looked at either, nor other file systems. A folder whose content was not known is never taken for new.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..files.workspace import PathProblem, Workspace
from . import path_states
from .file_state import mode_of
from .folder_events import FolderEvents
from .folder_reading import Entry, Folder, FolderReading, is_text, is_there, stamp
from .path_states import beneath

FILES_MAX = 50_000
BYTES_MAX = 256 * 1024 * 1024
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
        # Folders that are not looked at, those that must not be read, and files whose names are not text.
        self.left_out: set[str] = set()
        self.unread: set[str] = set()
        self.odd_names: set[str] = set()
        # Folders with files that have other names, through which they can change without an event here.
        self._linked: set[str] = set()
        self._device = 0
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
        if changed is None or self._is_first:
            if self._is_first and not self.folders:
                self._measure()
            found = self._everything()
            self._is_first = False
            return found
        found: list[Difference] = []
        waiting = sorted(changed & self.folders.keys() | self._linked, reverse=True)
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                found += self._folder(path, waiting)
        return found

    def take_touched(self) -> dict[str, Folder | None]:
        """The folders that changed since the last time."""
        touched, self._touched = self._touched, {}
        return touched

    def contents(self) -> set[str]:
        """The sha256 of every content that the workspace has now."""
        return {entry.sha256 for folder in self.folders.values() for entry in folder.values()}

    def wrote(self, path: str, before: str, after: str) -> Difference | None:
        """A file tool replaced the content `before` by `after` (sha256, '' for nothing): this is no difference.

        What differed before it wrote, so that it was another's doing, is returned.
        """
        folder, _, name = path.rpartition("/")
        if not self._knows(folder):
            return None
        try:
            holding = self._workspace.open(beneath(folder), os.O_RDONLY | os.O_DIRECTORY, follows=False)
        except PathProblem:
            return None
        try:
            seen = os.stat(name, dir_fd=holding, follow_symlinks=False)
        except OSError:
            return None
        finally:
            os.close(holding)
        known = self.folders[folder].get(name)
        self._set(folder, name, Entry(mode_of(seen), after, seen.st_size, stamp(seen)))
        if (known.sha256 if known else "") == before or (known and stat.S_ISDIR(known.mode)):
            return None
        return Difference(path, known, Entry(mode_of(seen), before, 0, ()) if before else None)

    def _knows(self, path: str) -> bool:
        """Whether a folder is covered. One that a file tool made becomes known, as an empty one."""
        if path in self.folders:
            return True
        if path in self.left_out or path in self.unread or not path:
            return False
        above, _, name = path.rpartition("/")
        if name in GENERATED or name.lower() == ".git" or not self._knows(above) or name in self.folders[above]:
            return False
        try:
            descriptor = self._workspace.open(beneath(path), os.O_RDONLY | os.O_DIRECTORY, follows=False)
        except PathProblem:
            return False
        try:
            self._events.add(path, descriptor)
            self._set(above, name, _folder_entry(os.fstat(descriptor)))
        finally:
            os.close(descriptor)
        self.folders[path] = self._touched[path] = {}
        return True

    def _everything(self) -> list[Difference]:
        gone = set(self.folders)
        found: list[Difference] = []
        waiting = [""]
        while waiting:
            path = waiting.pop()
            gone.discard(path)
            found += self._folder(path, waiting, whole=True)
        for path in gone:
            # What was in it has been named with the folder that held it, or it lies in one that must not be read now.
            if path in self.folders and not any(_is_below(path, above) for above in self.unread):
                self._drop(path)
        return found

    def _measure(self) -> None:
        """Count before anything is read: a workspace that is too large takes a second, not the time to read what is allowed."""
        files = size = 0
        waiting = [""]
        while waiting:
            path = waiting.pop()
            self._check_time()
            with contextlib.suppress(PathProblem, OSError):
                descriptor = self._workspace.open(beneath(path), os.O_RDONLY | os.O_DIRECTORY, follows=False)
                try:
                    if path and any(is_there(descriptor, mark) for mark in _MARKS):
                        continue
                    with os.scandir(descriptor) as entries:
                        for entry in entries:
                            inner = f"{path}/{entry.name}" if path else entry.name
                            if entry.name.lower() == ".git" or entry.name in GENERATED or not self._workspace.shows(inner):
                                continue
                            files += 1
                            if entry.is_dir(follow_symlinks=False):
                                waiting.append(inner)
                            elif entry.is_file(follow_symlinks=False):
                                of_file = entry.stat(follow_symlinks=False).st_size
                                size += of_file if of_file <= path_states.FILE_BYTES_MAX else 0
                finally:
                    os.close(descriptor)
            self._check_limits(files, size)

    def _folder(self, path: str, waiting: list[str], *, whole: bool = False) -> list[Difference]:
        """Look at one folder again. The paths of those in it that are new (with `whole`, of all of them) are appended to `waiting`."""
        self._check_time()
        try:
            descriptor = self._workspace.open(beneath(path), os.O_RDONLY | os.O_DIRECTORY, follows=False)
        except PathProblem as problem:
            # It is gone, which the folder that held it shows, or it must not be read, and stays as it was last seen.
            if not isinstance(problem.__cause__, FileNotFoundError | NotADirectoryError):
                self.unread.add(path)
            return []
        # Of a folder that is not new, and whose content was not known, everything in it may have been there before.
        is_known = path in self.folders
        try:
            if self._is_left_out(path, descriptor, is_known=is_known):
                self.left_out.add(path)
                self.unread.discard(path)
                return []
            self._events.add(path, descriptor)
            known = self.folders.get(path, {})
            reading = self._read(path, descriptor, known)
        finally:
            os.close(descriptor)
        now = reading.entries
        (self._linked.add if reading.has_linked else self._linked.discard)(path)
        if not is_known or known != now:
            self.folders[path] = self._touched[path] = now
            self._count(known, -1)
            self._count(now, 1)
        self._check_limits(self._files, self._bytes)
        was_unread = path in self.unread and not is_known
        self.unread.discard(path)
        if was_unread:
            known = now
            waiting += self._unread_below(path, now)
        return self._compared(path, known, now, waiting, whole=whole)

    def _unread_below(self, path: str, now: Folder) -> list[str]:
        """The folders in one whose content was not known: theirs was not, either."""
        below = [f"{path}/{name}" if path else name for name, entry in now.items() if stat.S_ISDIR(entry.mode)]
        self.unread.update(inner for inner in below if inner not in self.folders)
        return below

    def _is_left_out(self, path: str, descriptor: int, *, is_known: bool) -> bool:
        """Whether a folder is a cache, or of another file system. A folder that is covered does not become a cache by a mark."""
        device = os.fstat(descriptor).st_dev
        if not path:
            self._device = device
            return False
        return device != self._device or (not is_known and any(is_there(descriptor, mark) for mark in _MARKS))

    def _compared(self, path: str, known: Folder, now: Folder, waiting: list[str], *, whole: bool) -> list[Difference]:
        found: list[Difference] = []
        for name in known.keys() | now.keys():
            was, is_, inner = known.get(name), now.get(name), f"{path}/{name}" if path else name
            is_folder = is_ is not None and stat.S_ISDIR(is_.mode)
            was_folder = was is not None and stat.S_ISDIR(was.mode)
            if was_folder and not is_folder:
                found += self._drop(inner)
            if is_folder and inner not in self.left_out:
                if was_folder and inner not in self.folders:
                    # It was there, and its content was not recorded.
                    self.unread.add(inner)
                if whole or not was_folder or was is None or is_ is None or was.stamp != is_.stamp or inner not in self.folders:
                    waiting.append(inner)
            if inner not in self.left_out and (was and (was.mode, was.sha256)) != (is_ and (is_.mode, is_.sha256)):
                found.append(Difference(inner, was, is_))
        return found

    def _read(self, path: str, descriptor: int, known: Folder) -> FolderReading:
        reading = FolderReading(self._keep)
        files = self._files - len(known)
        size = self._bytes - sum(entry.size for entry in known.values())
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name, inner = entry.name, f"{path}/{entry.name}" if path else entry.name
                if name.lower() == ".git" or not self._workspace.shows(inner):
                    continue
                if not is_text(name):
                    self.odd_names.add(inner)
                    continue
                # What is gone again is not there.
                with contextlib.suppress(FileNotFoundError):
                    seen = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(seen.st_mode) and name in GENERATED:
                        self.left_out.add(inner)
                    elif stat.S_ISDIR(seen.st_mode):
                        reading.entries[name] = _folder_entry(seen)
                    else:
                        reading.add(descriptor, name, seen, known.get(name))
                        self._check_time()
                        self._check_limits(files + len(reading.entries), size + reading.bytes)
        reading.keep()
        return reading

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise NotCovered("looking at this folder takes too long")

    def _check_limits(self, files: int, size: int) -> None:
        if files > FILES_MAX:
            raise NotCovered(f"this folder holds more than {FILES_MAX:,} files")
        if size > BYTES_MAX:
            raise NotCovered(f"this folder holds more than {BYTES_MAX // 1024**2} MB")

    def _set(self, folder: str, name: str, entry: Entry) -> None:
        now = {**self.folders[folder], name: entry}
        self._count(self.folders[folder], -1)
        self._count(now, 1)
        self.folders[folder] = self._touched[folder] = now

    def _drop(self, path: str) -> list[Difference]:
        """Forget a folder that is gone: the differences of what was in it."""
        found: list[Difference] = []
        waiting = [path]
        while waiting:
            at = waiting.pop()
            self._touched[at] = None
            self._linked.discard(at)
            self.unread.discard(at)
            known = self.folders.pop(at, {})
            self._count(known, -1)
            for name, entry in known.items():
                if stat.S_ISDIR(entry.mode):
                    waiting.append(f"{at}/{name}")
                found.append(Difference(f"{at}/{name}", entry, None))
        return found

    def _count(self, folder: Folder, sign: int) -> None:
        self._files += sign * len(folder)
        self._bytes += sign * sum(entry.size for entry in folder.values())


def _folder_entry(seen: os.stat_result) -> Entry:
    return Entry(mode_of(seen), "", 0, (seen.st_ino,))


def _is_below(path: str, above: str) -> bool:
    return path.startswith(f"{above}/")
