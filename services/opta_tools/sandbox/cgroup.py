"""Enforces a command's limits on all its processes with one control group, if this process may make one (cgroup v2).

The kernel then enforces a limit immediately, while `limits.Watch` measures only from time to time. Source:
Documentation/admin-guide/cgroup-v2.rst ("Delegation", "memory.max", "pids.max").
"""

import contextlib
import os
import secrets
import time
from pathlib import Path

from .limits import CommandLimits

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = frozenset({"memory", "pids"})
# How often removing a group is tried: the kernel releases ended processes a moment later.
_TRIES, _PAUSE_S = 20, 0.005


def parent(membership: str = "/proc/self/cgroup", root: Path = ROOT) -> Path | None:
    """The parent of this process's group, if groups with both controllers may be made in it; else None (cgroup v1, not delegated).

    `membership`: the file that names the group of this process; `root`: where the groups are mounted.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(line for line in Path(membership).read_text().splitlines() if line.startswith("0::/"))
        # A group that holds processes cannot pass on controllers, so new groups are made beside this process's group.
        above = (root / line[len("0::/") :].strip("/")).parent
        given = set((above / "cgroup.subtree_control").read_text().split())
        may_write = os.access(above, os.W_OK) and os.access(above / "cgroup.procs", os.W_OK)
        if root in (above, *above.parents) and given >= _CONTROLLERS and may_write:
            return above
    return None


class CommandGroup:
    """One command's group. Does nothing if no group can be made, since `limits.Watch` enforces the limits as well.

    `above`: the result of `parent`.
    """

    def __init__(self, pid: int, limits: CommandLimits, above: Path | None):
        self._folder: Path | None = None
        self._limits = limits
        if above is None or not (limits.memory_mb or limits.processes):
            return
        folder = above / f"opta-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            folder.mkdir()
            self._folder = folder
            if limits.memory_mb:
                _write(folder / "memory.max", str(limits.memory_mb * 1024**2))
                _write(folder / "memory.oom.group", "1")
            if limits.processes:
                # One more for the process that starts the command.
                _write(folder / "pids.max", str(limits.processes + 1))
            _write(folder / "cgroup.procs", str(pid))
        except OSError:
            self.close()

    @property
    def is_used(self) -> bool:
        """Whether the kernel enforces the limits."""
        return self._folder is not None

    def reason(self) -> str:
        """The limit because of which the kernel killed the command, in words; '' for none."""
        if self._folder is None:
            return ""
        if _events(self._folder / "memory.events").get("oom_kill", 0):
            return f"its processes used more than {self._limits.memory_mb} MB of memory together (sandbox.memory-mb)"
        return ""

    def close(self) -> None:
        """Remove the group, after all processes of the command have ended."""
        if self._folder is None:
            return
        for _ in range(_TRIES):
            try:
                self._folder.rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(_PAUSE_S)
        self._folder = None


def _write(path: Path, value: str) -> None:
    # Without O_CREAT, because only the kernel creates files in this folder.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _events(path: Path) -> dict[str, int]:
    with contextlib.suppress(OSError, ValueError):
        return {name: int(count) for name, count in (line.split() for line in path.read_text().splitlines())}
    return {}
