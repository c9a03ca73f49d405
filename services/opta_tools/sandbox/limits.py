"""The resource limits of a command, and a watch that enforces the limits on all its processes together.

The kernel enforces the limits of single processes (rlimits, and the largest process id of the command's process namespace). The sum over
a command's processes is measured every LOOK_S seconds; a command that exceeds a limit is killed, and its result names the limit.
"""

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .session_tmp import size_of

LOOK_S = 0.25
INODES_FREE_MIN = 10_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class CommandLimits:
    """The limits of one command, in MB and counts; 0: no limit. `free_mb`: space that must stay free on the disk."""

    memory_mb: int = 0
    processes: int = 0
    files: int = 0
    disk_mb: int = 0
    file_mb: int = 16 * 1024
    free_mb: int = 256
    # What the session's /tmp may hold.
    tmp_mb: int = 8 * 1024

    def request(self) -> dict[str, Any]:
        """The limits that the kernel enforces, as a part of a request to the supervisor."""
        wanted = {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": self.file_mb * 1024**2,
            "RLIMIT_NOFILE": self.files,
            "RLIMIT_DATA": self.memory_mb * 1024**2,
        }
        return {"processes": self.processes, "resources": {name: value for name, value in wanted.items() if value or name == "RLIMIT_CORE"}}

    def apply(self) -> None:
        """Set the rlimits of this process: for a child that executes a command without a supervisor."""
        for name, value in self.request()["resources"].items():
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


@dataclass
class Use:
    """What a command uses now. `written_bytes`: the bytes that it has written to disks so far."""

    processes: int = 0
    memory_bytes: int = 0
    written_bytes: int = 0


class Watch:
    """Watches one command. `pid`: its first process; `folder`: a descriptor on the watched disk; `on_over` gets the reason, once.

    `tmp`: the folder that is the command's /tmp; "" for one without a limit.
    """

    def __init__(self, pid: int, limits: CommandLimits, folder: int, on_over: Callable[[str], None], tmp: str = ""):
        self._pid, self._limits, self._folder, self._on_over, self._tmp = pid, limits, folder, on_over, tmp
        self._inodes_before = self._inodes()
        # Bytes in /tmp when it was measured last, and how many bytes the command had written by then.
        self._tmp_bytes, self._measured_at = -1, 0

    async def run(self) -> None:
        """Measure every LOOK_S seconds, until a limit is exceeded or the task is cancelled."""
        free_before = self._free()
        while True:
            await asyncio.sleep(LOOK_S)
            if reason := self._over(free_before) or await self._tmp_over(free_before):
                self._on_over(reason)
                return

    def _over(self, free_before: int) -> str:
        limits, use = self._limits, used(self._pid)
        if limits.memory_mb and use.memory_bytes > limits.memory_mb * 1024**2:
            return f"its processes used more than {limits.memory_mb} MB of memory together (sandbox.memory-mb)"
        if limits.processes and use.processes > limits.processes:
            return f"it had more than {limits.processes} processes (sandbox.processes)"
        if limits.disk_mb and use.written_bytes > limits.disk_mb * 1024**2:
            return f"it wrote more than {limits.disk_mb} MB to the disk (sandbox.disk-mb)"
        free = self._free()
        if limits.disk_mb and free_before - free > limits.disk_mb * 1024**2:
            # This also covers space that was allocated without being written.
            return f"the disk lost more than {limits.disk_mb} MB while it ran (sandbox.disk-mb)"
        if self._inodes() < INODES_FREE_MIN <= self._inodes_before:
            return "fewer than 10,000 inodes were free on the disk"
        if limits.free_mb and free < limits.free_mb * 1024**2 < free_before:
            return f"less than {limits.free_mb} MB were free on the disk (sandbox.free-mb)"
        return ""

    async def _tmp_over(self, free_before: int) -> str:
        """Whether /tmp holds too much. It is measured when the command has written enough since then to have filled it."""
        limit = self._limits.tmp_mb * 1024**2
        if not limit or not self._tmp:
            return ""
        written = max(used(self._pid).written_bytes, free_before - self._free())
        if written - self._measured_at < max(limit - max(0, self._tmp_bytes), limit // 16):
            return ""
        before = self._tmp_bytes
        self._tmp_bytes, self._measured_at = await asyncio.to_thread(_size_of, self._tmp), written
        # A command that makes a full /tmp smaller goes on.
        if self._tmp_bytes > limit and self._tmp_bytes > before:
            return f"the /tmp of this session holds more than {self._limits.tmp_mb} MB (sandbox.tmp-mb). Remove files from /tmp first"
        return ""

    def _inodes(self) -> int:
        try:
            found = os.fstatvfs(self._folder)
        except OSError:
            return INODES_FREE_MIN
        return found.f_favail if found.f_files else INODES_FREE_MIN

    def _free(self) -> int:
        try:
            found = os.fstatvfs(self._folder)
        except OSError:
            return 0
        return found.f_bavail * found.f_frsize


def used(pid: int) -> Use:
    """What a process and its descendants use. The bytes that an ended process wrote count with its parent."""
    use = Use()
    waiting = [pid]
    while waiting:
        at = waiting.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            for task in os.listdir(f"/proc/{at}/task"):
                with contextlib.suppress(OSError), open(f"/proc/{at}/task/{task}/children") as handle:
                    waiting += [int(child) for child in handle.read().split()]
            if at == pid:
                # The first process belongs to the sandbox, so only its written bytes count, which include those of ended processes.
                use.written_bytes += _written(at)
                continue
            use.processes += 1
            use.memory_bytes += _memory(at)
            use.written_bytes += _written(at)
    return use


def _size_of(path: str) -> int:
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return size_of(folder)
    finally:
        os.close(folder)


def _memory(pid: int) -> int:
    """Anonymous and shared memory of a process in bytes; a shared page counts proportionally (proc(5): smaps_rollup)."""
    with open(f"/proc/{pid}/statm") as handle:
        fields = handle.read().split()
    if int(fields[1]) * _PAGE < 64 * 1024**2:
        return (int(fields[1]) - int(fields[2])) * _PAGE
    with open(f"/proc/{pid}/smaps_rollup") as handle:
        figures = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in handle) if rest.strip().endswith("kB")}
    return 1024 * (figures.get("Pss_Anon", 0) + figures.get("Pss_Shmem", 0))


def _written(pid: int) -> int:
    with open(f"/proc/{pid}/io") as handle:
        figures = dict(line.split(": ") for line in handle.read().splitlines())
    return max(0, int(figures["write_bytes"]) - int(figures["cancelled_write_bytes"]))
