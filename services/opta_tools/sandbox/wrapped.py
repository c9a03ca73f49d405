"""Commands that are contained as they start: by landlock on a Linux without namespaces, by sandbox-exec on macOS."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path

from ..result import ToolProblem
from . import linux, readable, seatbelt, seccomp
from .bare import Bare
from .controls import Controls
from .environment import contained
from .git_person import git_person
from .limits import CommandLimits
from .place import Level, Order, Place, Process, Streams
from .session_sandbox import opened
from .tree_aside import GuardError
from .tree_guard import TreeGuard
from .view import Machine, check_workspace

_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")
_LANDLOCK = "import sys; sys.path.insert(0, sys.argv.pop(1)); from opta_tools.sandbox.landlock import main; main()"
_SERVICES = str(Path(__file__).parent.parent.parent)
_PROC = ("/proc", "/sys/devices/system")


class Wrapped:
    """`state`: where caches and folders for temporary files lie."""

    def __init__(self, machine: Machine, state: Path):
        self._machine, self._state = machine, state
        # (session, workspace) -> what looks after its commands, and how many run
        self._guards: dict[tuple[str, str], tuple[TreeGuard, Controls, int]] = {}

    async def notes(self, place: Place) -> list[str]:
        """What to say once a command of a place has ended. Raises nothing."""
        key = place.session, place.workspace
        if key not in self._guards:
            return []
        guard, controls, running = self._guards.pop(key)
        if running > 1:
            self._guards[key] = guard, controls, running - 1
        try:
            notes = await asyncio.to_thread(guard.end)
        except GuardError as problem:
            notes = [str(problem)]
        if running == 1:
            guard.rest()
            controls.close()
        return notes

    def _begin(self, place: Place, root: int) -> None:
        key = place.session, place.workspace
        if key in self._guards:
            guard, controls, running = self._guards[key]
            self._guards[key] = guard, controls, running + 1
            return
        hooks = git_person(self._machine.home, place.workspace).hooks
        controls = Controls(os.dup(root), more_hooks=lambda: hooks)
        guard = TreeGuard(controls, self._state / "aside" / (place.session or "-"), is_mounted=False, others=self._running)
        guard.begin()
        self._guards[key] = guard, controls, 1

    def _running(self) -> list[TreeGuard]:
        return [guard for guard, _, _ in list(self._guards.values())]

    async def start(self, level: Level, place: Place, order: Order, streams: Streams, limits: CommandLimits) -> Process:
        """A command, ready. Raises ToolProblem."""
        root, workspace = await asyncio.to_thread(opened, place.workspace, place.identity)
        files: list[int] = [root]
        try:
            check_workspace(self._machine, workspace)
            if workspace == str(self._machine.home):
                # Neither landlock nor a profile can give a folder without what lies in it.
                raise ToolProblem(
                    "commands in the whole home need user namespaces, which this machine has not; work in a project's folder", "sandbox"
                )
            cache, scratch = self._folder("caches", workspace), self._folder("tmp", place.session)
            environment = order.environment | contained(cache, scratch, has_proxy=False) | order.extra
            folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY) if order.folder is None else _folder(root, order.folder)
            files.append(folder)
            if level == "landlock":
                argv = self._landlock(root, cache, scratch, order, environment, place.is_read_only, files)
            else:
                controls = [f"{workspace}/{path}" for path in Controls(root).look()]
                argv = [
                    *seatbelt.arguments(self._machine, workspace, (cache, scratch), controls, order.network, place.is_read_only),
                    *order.argv,
                ]
            if not place.is_read_only:
                await asyncio.to_thread(self._begin, place, root)
            return Bare(argv, environment, folder, streams, order.mark, tuple(files), limits)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _landlock(self, root: int, cache: str, scratch: str, order: Order, environment: dict[str, str], is_read_only: bool, files: list[int]) -> list[str]:  # fmt: skip
        if order.network == "list":
            raise ToolProblem("sandbox.network is an allow-list, which needs user namespaces; this machine has none", "sandbox")
        hidden = set(self._machine.closed)
        shown = [path for entry in self._machine.system if entry[0] == "ro" for path in _without(str(entry[1]), hidden)]
        for toolchain in readable.toolchains(self._machine.home, self._machine.search_path, self._machine.read):
            shown += _without(toolchain.real, set(self._machine.credentials.beneath(toolchain.real)))
        settings = {
            "read": [*shown, *_PROC],
            "write": [cache, scratch, *_DEVICES],
            "opened": [[root, not is_read_only]],
            "has_network": order.network == "on",
            "environment": environment,
            "seccomp": seccomp.program(without_internet=order.network == "off").hex(),
        }
        text = os.memfd_create("opta-landlock")
        os.write(text, json.dumps(settings).encode())
        os.lseek(text, 0, os.SEEK_SET)
        files.append(text)
        return [sys.executable, "-I", "-S", "-c", _LANDLOCK, _SERVICES, str(text), *order.argv]

    def _folder(self, kind: str, name: str) -> str:
        path = self._state / kind / hashlib.sha256(os.fsencode(name)).hexdigest()[:16] / "here"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(path)


def _folder(root: int, path: str) -> int:
    if sys.platform == "linux":
        return linux.openat2(root, path, os.O_RDONLY | os.O_DIRECTORY, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)


def _without(path: str, hidden: set[str]) -> list[str]:
    """A path, or as much of what lies in it as can be named without anything hidden."""
    if path in hidden or os.path.islink(path):
        return []
    if not any(secret.startswith(f"{path}/") for secret in hidden):
        return [path]
    try:
        return [part for entry in sorted(os.listdir(path)) for part in _without(f"{path}/{entry}", hidden)]
    except OSError:
        return []
