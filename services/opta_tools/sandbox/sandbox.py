"""The strongest sandbox that works on this machine. It is determined once, by running a command in it, and then used for every command.

With Linux namespaces, each session has one sandbox (`pool`, `session_sandbox`). Elsewhere each command is contained as it starts
(`wrapped`).
"""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from opta_core.logs import Log
from opta_core.policy.actions import protected, relative_to

from ..result import ToolProblem
from . import hints, linux, seccomp
from .environment import contained_environment
from .launch import CommandSpec, Level, Network, Process, Streams, WorkspaceRef
from .leftovers import settle
from .limits import CommandLimits
from .pool import Pool
from .session_sandbox import ENDED
from .session_tmp import SessionTmps
from .view import Host
from .wrapped import Wrapped

PROBE_S, TRIES = 10.0, 3
_KILLED, _SILENT = "a command in it was killed", "it did not answer"
# They say nothing about the sandbox: something killed its processes, or the machine had no time for them.
_UNCLEAR = (_KILLED, _SILENT, ENDED)
# What programs print about a file that is mounted read-only, or that is a mount point.
_READ_ONLY = re.compile(r"^.*: (?:Read-only file system|Device or resource busy)$", re.MULTILINE)
log = Log("sandbox")


class Sandbox:
    """`daemon_folders`: hidden from every command. `state`: the folder for records, caches, temporary files and files put aside.

    `search_path`: the PATH of commands; `read`: further readable paths (setting `sandbox.read`); `allowed`: hosts of network "list";
    `unix_sockets`: whether commands may use Unix sockets (setting `sandbox.unix-sockets`; only with namespaces, which separate the
    abstract sockets of the machine); `wanted`: whether a level may be used.
    """

    def __init__(
        self,
        home: Path,
        daemon_folders: tuple[Path, ...],
        state: Path,
        *,
        search_path: str = os.defpath,
        read: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
        unix_sockets: bool = False,
        limits: CommandLimits | None = None,
        wanted: Callable[[Level], bool] = lambda level: True,
    ):
        self._home, self._daemon_folders, self._search_path, self._read, self._allowed = home, daemon_folders, search_path, read, allowed
        self._has_unix_sockets = unix_sockets
        self._state, self._wanted = Path(os.path.realpath(state)), wanted
        self._tmps = SessionTmps(self._state)
        self.limits = limits or CommandLimits()
        self.level: Level = "none"
        self.reason = "not probed yet"

    async def probe(self) -> None:
        """Find the strongest level that works on this machine. Takes some tens of milliseconds; called once at start."""
        self._host = await asyncio.to_thread(
            Host.look, self._home, self._daemon_folders, self._search_path, self._read, has_unix_sockets=self._has_unix_sockets
        )
        self._pool = Pool(self._host, self._state, self._allowed)
        self._wrapped = Wrapped(self._host, self._state)
        await asyncio.to_thread(settle, self._host, self._state)
        reasons: list[str] = []
        levels: tuple[Level, ...] = ("full", "seatbelt", "landlock")
        for level in levels:
            if not self._wanted(level):
                continue
            problem = _why_not(level) or await self._try_again(level)
            if not problem:
                self.level = level
                break
            reasons.append(f"{level}: {problem}")
        self.reason = "; ".join(reasons) if self.level != "full" else ""
        if self.level != "full":
            await self._pool.close()
        log.info("sandbox", level=self.level, reason=self.reason)

    async def start(self, ref: WorkspaceRef, spec: CommandSpec, streams: Streams) -> Process:
        """A command in its sandbox, ready to run. Raises ToolProblem. A command never runs without a sandbox because making one failed."""
        if self.level == "full":
            sandbox = await self._pool.get(ref)
            inside = contained_environment(sandbox.view.cache_inside, "/tmp", has_proxy=spec.network != "off")
            environment = spec.environment | inside | {"HOME": str(self._host.home)} | spec.extra
            return await sandbox.start(spec.argv, environment, spec.folder, spec.network, streams, self.limits)
        if self.level == "none":
            raise ToolProblem(f"there is no sandbox on this machine ({self.reason})", "sandbox")
        return await self._wrapped.start(self.level, ref, spec, streams, self.limits)

    def session_tmp(self, session: str) -> str:
        """The folder that the commands of a session see as /tmp, or that is their TMPDIR; "" without a sandbox."""
        return "" if self.level == "none" else self._tmps.path(session)

    async def notes(self, ref: WorkspaceRef) -> list[str]:
        """Notes for the model after a command has ended: the control files that it made and that were put aside."""
        if self.level == "none":
            return []
        return await (self._pool if self.level == "full" else self._wrapped).notes(ref)

    def hints(self, ref: WorkspaceRef, network: Network, output: str, *, ok: bool) -> list[str]:
        """Notes for the model about what the sandbox withheld from a command, derived from its output: what would let it work."""
        found: list[str] = []
        if self.level != "none" and (hint := hints.network_hint(network, output, ok=ok)):
            found.append(hint)
        if ok:
            return found
        if self.level == "full":
            found += hints.git_hints(ref.workspace, output)
        if self.level != "none" and hints.is_denied_read(str(self._home), output):
            found.append(
                "your home is hidden from commands, except for toolchains. To let them read a part of it: opta config set sandbox.read PATH"
            )
        if self.level == "full" and not self._has_unix_sockets and hints.needs_unix_sockets(output):
            found.append(
                "commands may not use Unix sockets, which this program seems to need. To allow them, including the sockets of servers in the "
                "workspace: opta config set sandbox.unix-sockets true"
            )
        return found

    def denied_write(self, ref: WorkspaceRef, output: str) -> str:
        """The control file that a command could not change, judged by its output; '' for none. Git continues without it, often successfully."""
        if self.level != "full":
            return ""
        for line in _READ_ONLY.findall(output):
            for word in re.split(r"[\s'\"`:]+", line):
                path = relative_to(ref.workspace, word)
                if path and protected(path):
                    return path
        return ""

    async def close(self) -> None:
        """End every sandbox."""
        if self.level == "full":
            await self._pool.close()

    async def _try_again(self, level: Level) -> str:
        """`_try`, repeated when its answer says nothing about the sandbox: the answer holds until a restart."""
        problem = ""
        for _ in range(TRIES):
            problem = await self._try(level)
            if problem not in _UNCLEAR:
                break
        return problem

    async def _try(self, level: Level) -> str:
        """Run a command in a sandbox of a level; why that failed, '' when it worked."""
        self.level = level
        ref = WorkspaceRef("", "")
        try:
            with tempfile.TemporaryDirectory(prefix="opta-probe-") as folder:
                ref = WorkspaceRef("probe", os.path.realpath(folder))
                spec = CommandSpec(["/bin/sh", "-c", "echo contained > probe"], {"PATH": os.defpath}, "opta-probe")
                with open(os.devnull, "r+b") as null:
                    async with asyncio.timeout(PROBE_S):
                        process = await self.start(ref, spec, (null.fileno(), null.fileno(), null.fileno()))
                        process.go()
                        code = await process.ended()
                if code == -signal.SIGKILL:
                    return _KILLED
                return "" if code == 0 and (Path(folder) / "probe").exists() else f"a command in it ended with code {code}"
        except (OSError, ToolProblem, TimeoutError) as error:
            return str(error)[:300] or _SILENT
        finally:
            await self._pool.end_sessions()
            self.level = "none"


def _why_not(level: Level) -> str:
    if level == "seatbelt":
        return "" if sys.platform == "darwin" else "macOS only"
    if sys.platform != "linux":
        return "Linux only"
    if not seccomp.program():
        return "there is no system call filter for this processor architecture"
    if level == "landlock" and linux.landlock_version() < 1:
        return "the kernel does not support landlock"
    return ""
