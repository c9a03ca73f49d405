"""A simulated disk that can be full, fail, lose what was not synced, and end its process in the middle of a call."""

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opta_sessions.files import FileStat, FileSystem


class Killed(BaseException):
    """The process died inside a system call."""


class _File:
    def __init__(self) -> None:
        self.content = bytearray()
        self.durable = 0  # bytes that survive a power loss for certain
        self.dropped_to = 0  # a failed sync takes the bytes up to here for written; only writing them again helps
        self.changed_ns = 0


class Disk:
    """Files by path. `names` is what is seen, `durable_names` what a power loss leaves for certain."""

    def __init__(self, chance: random.Random):
        self._chance = chance
        self.names: dict[Path, _File] = {}
        self.durable_names: dict[Path, _File] = {}
        # A rename that was not synced happened wholly or not at all, and after the one before it.
        self.renames: list[tuple[Path, Path]] = []
        self.full = self.sync_fails = False
        self.calls = 0
        # After this many further calls the caller dies: before the call, in the middle of it, or after it.
        self.crash_in = 0
        self.crash_point = "before"
        # This call fails, once; `calls` counts them all.
        self.fail_at = 0
        self.clock_ns = 0

    def lose_power(self) -> None:
        """Every file keeps what was synced and perhaps some of the rest; names that were not synced may be gone."""
        for file, target in self.renames:
            if self._chance.random() < 0.5:
                break
            if file in self.durable_names:
                self.durable_names[target] = self.durable_names.pop(file)
        renamed = {path for pair in self.renames for path in pair}
        self.renames.clear()
        for path in sorted({*self.names, *self.durable_names}):
            if path in renamed:
                self.names.pop(path, None)
                if path in self.durable_names:
                    self.names[path] = self.durable_names[path]
                continue
            now, durable = self.names.get(path), self.durable_names.get(path)
            kept = now if now is durable or self._chance.random() < 0.5 else durable
            if kept is None:
                self.names.pop(path, None)
            else:
                self.names[path] = kept
        self.durable_names = dict(self.names)
        for file in self.names.values():
            del file.content[self._chance.randint(file.durable, len(file.content)) :]
            file.durable = len(file.content)


class VirtualFiles(FileSystem):
    """One process's view of the disk. `process.is_alive` ends with the process."""

    def __init__(self, disk: Disk, process: Any):
        self._disk, self._process = disk, process
        self._open: dict[int, _File] = {}
        self._next = 3

    def open(self, file: Path, flags: int) -> int:
        self._step()
        known = self._disk.names.get(file)
        if known is None:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(file))
            if self._disk.full:
                raise OSError(errno.ENOSPC, "disk full")
            known = self._disk.names[file] = _File()
        elif flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, "exists", str(file))
        if flags & os.O_TRUNC:
            known.content.clear()
            known.durable = 0
        self._next += 1
        self._open[self._next] = known
        return self._next

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor)

    def size(self, descriptor: int) -> int:
        return len(self._open[descriptor].content)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        self._live()
        return bytes(self._open[descriptor].content[offset : offset + size])

    def write(self, descriptor: int, content: bytes) -> int:
        file = self._open[descriptor]
        try:
            crash = self._count()
        except OSError:
            file.content += content[: len(content) // 2]
            raise
        if crash == "before":
            self._die()
        if crash == "middle" or self._disk.full:
            file.content += content[: len(content) // 2]
            if crash:
                self._die()
            raise OSError(errno.ENOSPC, "disk full")
        file.content += content
        self._disk.clock_ns += 1
        file.changed_ns = self._disk.clock_ns
        if crash:
            self._die()
        return len(content)

    def write_at(self, descriptor: int, content: bytes, offset: int) -> int:
        self._step()
        file = self._open[descriptor]
        file.content[offset : offset + len(content)] = content
        if offset <= file.durable and offset + len(content) >= file.dropped_to:
            file.dropped_to = 0
        return len(content)

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        file = self._open[descriptor]
        del file.content[size:]
        file.durable = min(file.durable, size)
        file.dropped_to = min(file.dropped_to, size)

    def sync(self, descriptor: int) -> None:
        file = self._open[descriptor]
        try:
            crash = self._count()
            if crash == "before":
                self._die()
            if self._disk.sync_fails:
                raise OSError(errno.EIO, "input/output error")
        except OSError:
            file.dropped_to = len(file.content)
            raise
        if file.dropped_to <= file.durable:
            file.durable = len(file.content)
        if crash:
            self._die()

    def sync_folder(self, folder: Path) -> None:
        self._step()
        if self._disk.sync_fails:
            raise OSError(errno.EIO, "input/output error")
        self._disk.renames = [pair for pair in self._disk.renames if folder not in (pair[0].parent, pair[1].parent)]
        for path in {*self._disk.names, *self._disk.durable_names}:
            if path.parent == folder:
                if path in self._disk.names:
                    self._disk.durable_names[path] = self._disk.names[path]
                else:
                    self._disk.durable_names.pop(path, None)

    def rename(self, file: Path, target: Path) -> None:
        self._step()
        self._disk.names[target] = self._disk.names.pop(file)
        self._disk.renames.append((file, target))

    def unlink(self, file: Path) -> None:
        self._step()
        self._disk.names.pop(file, None)

    def scan(self, folder: Path) -> Iterator[tuple[str, FileStat]]:
        self._live()
        for path, file in list(self._disk.names.items()):
            if path.parent == folder:
                yield path.name, FileStat(len(file.content), file.changed_ns)

    def stat(self, file: Path) -> FileStat | None:
        self._live()
        known = self._disk.names.get(file)
        return FileStat(len(known.content), known.changed_ns) if known else None

    def _live(self) -> None:
        if not self._process.is_alive:
            raise Killed

    def _count(self) -> str:
        self._live()
        self._disk.calls += 1
        if self._disk.calls == self._disk.fail_at:
            raise OSError(errno.EIO, "input/output error")
        if self._disk.crash_in:
            self._disk.crash_in -= 1
            if not self._disk.crash_in:
                return self._disk.crash_point
        return ""

    def _step(self) -> None:
        if self._count():
            self._die()

    def _die(self) -> None:
        self._process.kill()
        raise Killed
