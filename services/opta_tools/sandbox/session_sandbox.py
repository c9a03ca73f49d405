"""The sandbox of one session as the tool-worker holds it: made once, before the session's first command, by a supervisor process.

A request is one byte with descriptors over a pair of sockets (see `supervisor`). Each command answers over a socket of its own:
that it is ready, with its process id as the kernel tells it (SCM_CREDENTIALS), and how it ended.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from opta_core.logs import Log
from opta_core.net.proxy import Proxy

from ..result import ToolProblem
from . import linux, seccomp
from .contained import Contained, received
from .controls import Controls
from .environment import PROXY_PORT
from .known import Spot
from .limits import CommandLimits
from .place import Network, Streams
from .supervisors import Supervisors, end
from .tree_aside import GuardError
from .tree_guard import TreeGuard
from .view import View, plan

BUILD_S, ANSWER_S = 10.0, 10.0
# How often a sandbox is planned anew when files are exchanged under it while it is made.
TRIES = 5
# How often a running command's control files are looked at.
TICK_S = 2.0
_SO_PASSCRED = 16

log = Log("sandbox")


class SessionSandbox:
    """One session's. `root` is a descriptor of the workspace, which this owns; `aside` takes what commands may not make.

    `allowed`: the hosts that network "list" reaches; `placing`: held by who makes or removes placeholders, one for all sessions.
    `others`: the guards of all sessions; `brought`: what these share.
    """

    def __init__(self, view: View, root: int, aside: Path, allowed: tuple[str, ...], placing: threading.Lock, supervisors: Supervisors, others: Callable[[], Iterable[TreeGuard]] = tuple, brought: dict[Spot, str] | None = None):  # fmt: skip
        self.view, self._allowed, self._placing, self._supervisors = view, allowed, placing, supervisors
        repositories = [
            Controls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC), is_repository=True)
            for path, _, _ in view.repositories
        ]

        def more_hooks() -> Iterable[str]:
            return (*view.person.hooks, *(value for tree in repositories for value in tree.git.hooks))

        self._trees = [Controls(root, is_home=view.is_home, more_hooks=more_hooks), *repositories]
        record = aside.parent.parent / "running"
        # A repository elsewhere says where hooks of the workspace lie, so it is looked at first.
        self.guards = [
            TreeGuard(tree, aside, record / f"{aside.name}-{view.device}-{view.inode}-{number}.json", others=others, brought=brought)
            for number, tree in reversed(list(enumerate(self._trees)))
        ]
        # What commands made could not be looked at: it is looked at again before anything more runs.
        self._has_failed = False
        self._ticker: asyncio.Task[None] | None = None
        self._masks: list[str] = []
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._proxies: dict[str, Proxy] = {}
        self._notes: list[str] = []
        self._turn = asyncio.Lock()
        self.running = 0
        self.used_at = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether its supervisor lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self, argv: list[str], environment: dict[str, str], folder: str | None, network: Network, streams: Streams, limits: CommandLimits) -> Contained:  # fmt: skip
        """A command, ready to begin in `folder` (beneath the workspace; None: `/`). Raises ToolProblem."""
        async with self._turn:
            self.running += 1
            nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            if streams[0] < 0:
                streams = nothing, streams[1], streams[2]
            try:
                controls = await asyncio.to_thread(self._look)
                if not self.is_alive:
                    controls = await self._make(controls)
                if network != "off":
                    await self._open_network(network)
                request: dict[str, Any] = {
                    "do": "run",
                    "argv": argv,
                    "environment": environment,
                    "folder": folder,
                    "network": network,
                    "controls": controls,
                    "masks": self._masks,
                    "limits": limits.request(),
                }
                process = await self._started(request, streams)
                if self._ticker is None and not self.view.is_read_only:
                    self._ticker = asyncio.create_task(self._tick(), name="sandbox guard")
                return process
            except BaseException:
                self.running -= 1
                raise
            finally:
                os.close(nothing)

    async def notes(self, is_last: Callable[[], bool]) -> list[str]:
        """What to say after a command ended: control files that were put aside. `is_last`: whether no command runs in the workspace."""
        if self.view.is_read_only:
            return []

        def look() -> list[str]:
            notes = self._look_after()
            if not self.running and not self._has_failed:
                for guard in self.guards:
                    guard.rest()
            # What another session has just placed is not removed under its command: it counts as running before it places.
            with self._placing:
                if is_last():
                    self.remove_placeholders()
            return notes

        async with self._turn:
            found = await asyncio.to_thread(look)
        notes, self._notes = [*self._notes, *found], []
        return notes

    def remove_placeholders(self) -> None:
        """Once no command of any session runs in the workspace."""
        for tree in self._trees:
            tree.remove_placeholders()

    async def close(self) -> None:
        """End it with everything in it."""
        if self._ticker is not None and self._ticker is not asyncio.current_task():
            self._ticker.cancel()
            self._ticker = None
        for proxy in self._proxies.values():
            proxy.close()
        self._proxies.clear()
        if self._process is not None and self._control is not None:
            await asyncio.to_thread(end, self._process, self._control)
            self._process = self._control = None

    def release(self) -> None:
        """Close the workspace's descriptors. The sandbox is not used after it."""
        for tree in self._trees:
            tree.close()

    def _look(self) -> list[list[Any]]:
        """Control files to mount. While something contained runs, what is new is put aside before it could count as known. Raises ToolProblem."""
        if self.view.is_read_only:
            self._masks = self.view.masks()
            return []
        try:
            for guard in self.guards:
                self._notes += guard.begin()
        except GuardError as problem:
            raise ToolProblem(str(problem), "sandbox") from problem
        return self._mounts()

    def _mounts(self) -> list[list[Any]]:
        self._masks = self.view.masks()
        with self._placing:
            return [[number, *mount] for number, tree in enumerate(self._trees) for mount in tree.mounts()]

    def _look_after(self, *, remembers: bool = False) -> list[str]:
        try:
            notes = [note for guard in self.guards for note in guard.end(is_last=not self.running)]
            if remembers:
                for guard in self.guards:
                    guard.remember()
        except GuardError as problem:
            self._has_failed = True
            return [str(problem)]
        self._has_failed = False
        return notes

    async def _tick(self) -> None:
        """While something runs: what it makes is put aside soon, and what is new to protect is protected."""
        while self.running:
            await asyncio.sleep(TICK_S)
            async with self._turn:
                if not self.running or not self.is_alive:
                    continue
                await self._protect_again()
        self._ticker = None

    async def _protect_again(self) -> None:
        for _ in range(TRIES):
            self._notes += await asyncio.to_thread(self._look_after, remembers=True)
            controls = await asyncio.to_thread(self._mounts)
            with contextlib.suppress(ToolProblem, TimeoutError, EOFError, OSError):
                answers = self._send({"do": "protect", "controls": controls, "masks": self._masks})
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await received(answers)
                finally:
                    answers.close()
            if not any(guard.has_cleaned for guard in self.guards):
                return

    async def _make(self, controls: list[list[Any]]) -> list[list[Any]]:
        problem = ""
        for _ in range(TRIES):
            await self.close()
            self._process, self._control = await asyncio.to_thread(self._supervisors.take)
            answers = self._send(plan(self.view, controls, seccomp.program(with_unix_sockets=self.view.machine.has_unix_sockets)))
            try:
                async with asyncio.timeout(BUILD_S):
                    answer, _, _ = await received(answers)
            except (TimeoutError, EOFError, OSError):
                answer = {"problem": await asyncio.to_thread(self._last_words)}
            finally:
                answers.close()
            if "ok" in answer:
                # The next session's is started beside this one's first command.
                self._supervisors.prepare_soon()
                return controls
            problem = str(answer.get("problem", ""))
            await self.close()
            if "exchanged" not in problem and "cannot be protected" not in problem:
                break
            controls = await asyncio.to_thread(self._look)
        raise ToolProblem(f"the sandbox could not be made: {problem}. Nothing was run.", "sandbox")

    async def _started(self, request: dict[str, Any], streams: Streams) -> Contained:
        problem = ""
        for _ in range(TRIES):
            answers = self._send(request, streams)
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer, pid, _ = await received(answers)
            except (TimeoutError, EOFError, OSError) as error:
                answers.close()
                raise ToolProblem("the sandbox did not start the command; nothing was run", "sandbox") from error
            if "ready" in answer:
                return Contained(pid, answers, self._ended)
            answers.close()
            problem = str(answer.get("problem", ""))
            if "exchanged" not in problem and "cannot be protected" not in problem:
                raise ToolProblem(f"the command could not start: {problem}", "sandbox")
            request["controls"] = await asyncio.to_thread(self._look)
        raise ToolProblem(f"the command could not start: {problem}. Nothing was run.", "sandbox")

    async def _open_network(self, name: Network) -> None:
        """The session's network with a way out through a proxy of this worker: the machine's own ports are not in it."""
        if name in self._proxies:
            return
        answers = self._send({"do": "network", "name": name, "port": PROXY_PORT})
        try:
            async with asyncio.timeout(ANSWER_S):
                answer, _, files = await received(answers)
        except (TimeoutError, EOFError, OSError) as error:
            raise ToolProblem("the sandbox's network could not be made; nothing was run", "sandbox") from error
        finally:
            answers.close()
        if not files:
            raise ToolProblem(f"the sandbox's network could not be made: {answer.get('problem', '')}", "sandbox")
        proxy = Proxy(self._allowed) if name == "list" else Proxy(None, named=self._allowed, allows_network=True)
        await proxy.serve(socket.socket(fileno=files[0]))
        self._proxies[name] = proxy

    def _ended(self) -> None:
        self.running -= 1

    def _send(self, request: dict[str, Any], files: tuple[int, ...] = ()) -> socket.socket:
        """Send a request; the socket on which its answers come."""
        assert self._control is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        ours.setblocking(False)
        text = os.memfd_create("opta-request", os.MFD_CLOEXEC)
        try:
            os.write(text, json.dumps(request).encode())
            os.lseek(text, 0, os.SEEK_SET)
            socket.send_fds(self._control, [b"1"], [text, theirs.fileno(), *files])
        except OSError as error:
            ours.close()
            raise ToolProblem("the sandbox is gone; the next command makes it anew", "sandbox") from error
        finally:
            theirs.close()
            os.close(text)
        return ours

    def _last_words(self) -> str:
        process = self._process
        if process is None or process.stderr is None:
            return "it did not answer"
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        lines = process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it did not answer"


def opened(path: str, identity: str = "") -> tuple[int, str]:
    """(descriptor of a workspace, its real path). Raises ToolProblem when it is not the folder that it was ("device:inode")."""
    real = os.path.realpath(path)
    try:
        flags = linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = linux.openat2(root, real.lstrip("/") or ".", os.O_RDONLY | os.O_DIRECTORY, flags)
        finally:
            os.close(root)
    except OSError as error:
        raise ToolProblem(f"the workspace {path} cannot be opened: {error.strerror}", "path") from error
    seen = os.fstat(descriptor)
    if identity and identity != f"{seen.st_dev}:{seen.st_ino}":
        os.close(descriptor)
        raise ToolProblem(
            f"the workspace {path} is not the folder any more that it was when this session began; start a new session", "path"
        )
    return descriptor, real
