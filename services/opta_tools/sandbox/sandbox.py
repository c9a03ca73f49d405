"""Containment as this machine has it: found out once, by running something in it, and then used for every command.

With namespaces each session has one sandbox (`pool`, `session_sandbox`). Elsewhere each command is contained as it starts (`wrapped`).
"""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from opta_core.logs import Log
from opta_core.policy.actions import protected, relative_to

from ..result import ToolProblem
from . import linux, seccomp
from .environment import contained
from .leftovers import settle
from .limits import CommandLimits
from .place import Level, Order, Place, Process, Streams
from .pool import Pool
from .view import Machine
from .wrapped import Wrapped

PROBE_S = 10.0
# What programs say of a file that is mounted read-only, or over which something is mounted.
_READ_ONLY = re.compile(r"^.*: (?:Read-only file system|Device or resource busy)$", re.MULTILINE)
log = Log("sandbox")

# What programs print whose Unix socket was refused: Python, Node, Chromium, Java, Go, libuv.
_UNIX_SOCKET = re.compile(
    r"AF_UNIX|forkserver|unix (domain )?socket|listen unix|dial unix|EPERM.*\.sock|\.sock.*(EPERM|not permitted)|socket\(\): Operation not permitted",
    re.IGNORECASE,
)

_NO_REPOSITORY = re.compile(r"not a git repository", re.IGNORECASE)


class Sandbox:
    """`own`: the daemon's folders, which no command sees. `state`: where its bookkeeping and the workspaces' caches lie.

    `search_path`: the PATH of commands; `read`: what a sandbox shows besides (`sandbox.read`); `allowed`: hosts of network "list";
    `unix_sockets`: whether commands may use Unix sockets (`sandbox.unix-sockets`; only in namespaces, which keep the
    machine's abstract ones away).
    """

    def __init__(
        self,
        home: Path,
        own: tuple[Path, ...],
        state: Path,
        *,
        search_path: str = os.defpath,
        read: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
        unix_sockets: bool = False,
        limits: CommandLimits | None = None,
        wanted: Callable[[Level], bool] = lambda level: True,
    ):
        self._home, self._own, self._search_path, self._read, self._allowed = home, own, search_path, read, allowed
        self._has_unix_sockets = unix_sockets
        self._state, self._wanted = Path(os.path.realpath(state)), wanted
        self.limits = limits or CommandLimits()
        self.level: Level = "none"
        self.reason = "not looked for yet"

    async def probe(self) -> None:
        """Find the strongest containment that works here. Takes some tens of milliseconds; called once at start."""
        self._machine = await asyncio.to_thread(
            Machine.look, self._home, self._own, self._search_path, self._read, has_unix_sockets=self._has_unix_sockets
        )
        self._pool = Pool(self._machine, self._state, self._allowed)
        self._wrapped = Wrapped(self._machine, self._state)
        await asyncio.to_thread(self._pool.forget_old)
        await asyncio.to_thread(settle, self._state)
        reasons: list[str] = []
        levels: tuple[Level, ...] = ("full", "seatbelt", "landlock")
        for level in levels:
            if not self._wanted(level):
                continue
            problem = _why_not(level) or await self._try(level)
            if not problem:
                self.level = level
                break
            reasons.append(f"{level}: {problem}")
        self.reason = "; ".join(reasons) if self.level != "full" else ""
        if self.level != "full":
            await self._pool.close()
        log.info("sandbox", level=self.level, reason=self.reason)

    async def start(self, place: Place, order: Order, streams: Streams) -> Process:
        """A command, ready in its containment. Raises ToolProblem: nothing runs bare because a wrapper failed."""
        if self.level == "full":
            sandbox = await self._pool.get(place)
            inside = contained(sandbox.view.cache_inside, "/tmp", has_proxy=order.network != "off")
            environment = order.environment | inside | {"HOME": str(self._machine.home)} | order.extra
            return await sandbox.start(order.argv, environment, order.folder, order.network, streams, self.limits)
        if self.level == "none":
            raise ToolProblem(f"there is no sandbox on this machine ({self.reason})", "sandbox")
        return await self._wrapped.start(self.level, place, order, streams, self.limits)

    async def notes(self, place: Place) -> list[str]:
        """What to say once a command of a place has ended: control files that it made, which were put aside."""
        if self.level == "none":
            return []
        return await (self._pool if self.level == "full" else self._wrapped).notes(place)

    def hints(self, place: Place, output: str) -> list[str]:
        """What to say about a command that failed, by what it printed: what would let it work."""
        hints: list[str] = []
        if self.level == "full" and _NO_REPOSITORY.search(output) and (top := _repository_above(place.workspace)):
            hints.append(
                f"this session's folder is a part of the repository {top}, whose other files a command does not see, so git does not work here. "
                f"A session that begins in {top} has the repository"
            )
        if self._is_denied_read(output):
            hints.append(
                "your home is not shown to commands, but for toolchains. To let them read a part: opta config set sandbox.read PATH"
            )
        if self.level == "full" and not self._has_unix_sockets and _UNIX_SOCKET.search(output):
            hints.append(
                "commands may not use Unix sockets, which this program seems to need. To allow them, also those of servers in the workspace: "
                "opta config set sandbox.unix-sockets true"
            )
        return hints

    def _is_denied_read(self, output: str) -> bool:
        """Whether a command seems to have looked for something of the home that is not shown: by what it printed, not by what is there."""
        home = re.escape(str(self._home))
        return self.level != "none" and bool(
            re.search(rf"{home}/(?!\.cache/)\S.*(No such file|not found|Permission denied|ENOENT)", output)
        )

    def denied_write(self, place: Place, output: str) -> str:
        """The control file that a command could not change, by what it printed; '' for none. git goes on without it, often with success."""
        if self.level != "full":
            return ""
        for line in _READ_ONLY.findall(output):
            for word in re.split(r"[\s'\"`:]+", line):
                path = relative_to(place.workspace, word)
                if path and protected(path):
                    return path
        return ""

    async def close(self) -> None:
        """End every sandbox."""
        if self.level == "full":
            await self._pool.close()

    async def _try(self, level: Level) -> str:
        """Why a real command cannot run contained this way; '' when it can."""
        self.level = level
        place = Place("", "")
        try:
            with tempfile.TemporaryDirectory(prefix="opta-probe-") as folder:
                place = Place("probe", os.path.realpath(folder))
                order = Order(["/bin/sh", "-c", "echo contained > probe"], {"PATH": os.defpath}, "opta-probe")
                with open(os.devnull, "r+b") as null:
                    async with asyncio.timeout(PROBE_S):
                        process = await self.start(place, order, (null.fileno(), null.fileno(), null.fileno()))
                        process.go()
                        code = await process.ended()
                return "" if code == 0 and (Path(folder) / "probe").exists() else f"a command in it ended with {code}"
        except (OSError, ToolProblem, TimeoutError) as error:
            return str(error)[:300] or "it did not answer"
        finally:
            await self._pool.end_sessions()
            self.level = "none"


def _repository_above(workspace: str) -> str:
    """The folder above a workspace that is a repository's; '' for none, or when the workspace is one itself."""
    folder = workspace
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
    return "" if folder == workspace else folder


def _why_not(level: Level) -> str:
    if level == "seatbelt":
        return "" if sys.platform == "darwin" else "macOS only"
    if sys.platform != "linux":
        return "Linux only"
    if not seccomp.program():
        return "no filter of system calls for this kind of processor"
    if level == "landlock" and linux.landlock_version() < 1:
        return "the kernel has no landlock"
    return ""
