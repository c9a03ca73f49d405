"""Commands that are contained as they start: with landlock on a Linux system without namespaces, with sandbox-exec on macOS."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path

from ..result import ToolProblem
from . import linux, readable, seatbelt, seccomp
from .bare import BareProcess
from .controls import Controls
from .environment import contained_environment
from .launch import CommandSpec, Level, Process, Streams, WorkspaceRef
from .limits import CommandLimits
from .session_tmp import SessionTmps
from .tree_aside import GuardError
from .tree_guard import TreeGuard
from .user_git_config import user_git_config
from .view import Host, check_workspace
from .workspace_root import open_workspace

_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")
_LANDLOCK = "import sys; sys.path.insert(0, sys.argv.pop(1)); from opta_tools.sandbox.landlock import main; main()"
_SERVICES = str(Path(__file__).parent.parent.parent)
_PROC = ("/proc", "/sys/devices/system")


class Wrapped:
    """`state`: the folder for caches, temporary files and files put aside."""

    def __init__(self, host: Host, state: Path):
        self._host, self._state = host, state
        self._tmps = SessionTmps(state)
        # (session, workspace) -> (guard, control files, number of running commands)
        self._guards: dict[tuple[str, str], tuple[TreeGuard, Controls, int]] = {}

    async def notes(self, ref: WorkspaceRef) -> list[str]:
        """Notes for the model after a command has ended. Raises nothing."""
        key = ref.session, ref.workspace
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

    def _begin(self, ref: WorkspaceRef, root: int) -> None:
        key = ref.session, ref.workspace
        if key in self._guards:
            guard, controls, running = self._guards[key]
            self._guards[key] = guard, controls, running + 1
            return
        hooks = user_git_config(self._host.home, ref.workspace).hooks
        controls = Controls(os.dup(root), outside_hooks=lambda: hooks)
        guard = TreeGuard(controls, self._state / "aside" / (ref.session or "-"), is_mounted=False, others=self._running)
        guard.begin()
        self._guards[key] = guard, controls, 1

    def _running(self) -> list[TreeGuard]:
        return [guard for guard, _, _ in list(self._guards.values())]

    async def start(self, level: Level, ref: WorkspaceRef, spec: CommandSpec, streams: Streams, limits: CommandLimits) -> Process:
        """A command that is ready to run. Raises ToolProblem."""
        root, workspace = await asyncio.to_thread(open_workspace, ref.workspace, ref.identity)
        files: list[int] = [root]
        try:
            check_workspace(self._host, workspace)
            if workspace == str(self._host.home):
                # Neither landlock nor a profile can allow a folder without its content.
                raise ToolProblem(
                    "commands in the whole home need user namespaces, which this machine does not have; work in a project's folder",
                    "sandbox",
                )
            cache, scratch = self._cache(workspace), self._tmps.make(ref.session)
            environment = spec.environment | contained_environment(cache, scratch, has_proxy=False) | spec.extra
            folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY) if spec.folder is None else _folder(root, spec.folder)
            files.append(folder)
            if level == "landlock":
                argv = self._landlock(root, cache, scratch, spec, environment, ref.is_read_only, files)
            else:
                controls = [f"{workspace}/{path}" for path in Controls(root).look()]
                argv = [
                    *seatbelt.arguments(self._host, workspace, (cache, scratch), controls, spec.network, ref.is_read_only),
                    *spec.argv,
                ]
            if not ref.is_read_only:
                await asyncio.to_thread(self._begin, ref, root)
            return BareProcess(argv, environment, folder, streams, spec.mark, tuple(files), limits)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _landlock(self, root: int, cache: str, scratch: str, spec: CommandSpec, environment: dict[str, str], is_read_only: bool, files: list[int]) -> list[str]:  # fmt: skip
        if spec.network == "list":
            raise ToolProblem("sandbox.network is an allow-list, which needs user namespaces; this machine has none", "sandbox")
        hidden = set(self._host.closed)
        shown = [path for entry in self._host.system if entry[0] == "ro" for path in _without(str(entry[1]), hidden)]
        for toolchain in readable.toolchains(self._host.home, self._host.search_path, self._host.read):
            shown += _without(toolchain.real, set(self._host.credentials.beneath(toolchain.real)))
        settings = {
            "read": [*shown, *_PROC],
            "write": [cache, scratch, *_DEVICES],
            "opened": [[root, not is_read_only]],
            "has_network": spec.network == "on",
            "environment": environment,
            "seccomp": seccomp.program(without_internet=spec.network == "off").hex(),
        }
        text = os.memfd_create("opta-landlock")
        os.write(text, json.dumps(settings).encode())
        os.lseek(text, 0, os.SEEK_SET)
        files.append(text)
        return [sys.executable, "-I", "-S", "-c", _LANDLOCK, _SERVICES, str(text), *spec.argv]

    def _cache(self, name: str) -> str:
        path = self._state / "caches" / hashlib.sha256(os.fsencode(name)).hexdigest()[:16] / "here"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(path)


def _folder(root: int, path: str) -> int:
    if sys.platform == "linux":
        return linux.openat2(root, path, os.O_RDONLY | os.O_DIRECTORY, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)


def _without(path: str, hidden: set[str]) -> list[str]:
    """A path, or the parts of it that contain nothing hidden."""
    if path in hidden or os.path.islink(path):
        return []
    if not any(secret.startswith(f"{path}/") for secret in hidden):
        return [path]
    try:
        return [part for entry in sorted(os.listdir(path)) for part in _without(f"{path}/{entry}", hidden)]
    except OSError:
        return []
