"""The sandbox of one session, as the tool-worker sees it. A supervisor process makes it once, before the session's first command.

A request is one byte with descriptors on a socket pair (see `supervisor`). Each command answers on a separate socket: that it is ready,
with its process id from the kernel (SCM_CREDENTIALS), and how it ended.
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
from . import seccomp
from .contained import ContainedProcess, received
from .controls import Controls
from .environment import PROXY_PORT
from .known import FileLocation
from .launch import Network, Streams
from .limits import CommandLimits
from .lost_writes import lost_note
from .supervisors import Supervisors, end
from .tree_aside import GuardError
from .tree_guard import TreeGuard
from .view import View, plan

BUILD_S, ANSWER_S = 10.0, 10.0
ENDED = "the sandbox has ended; the next command makes a new one"
# How often making a sandbox is tried when control files are replaced meanwhile.
TRIES = 5
# How often control files are checked while a command runs.
TICK_S = 2.0
_SO_PASSCRED = 16

log = Log("sandbox")

_NO_ANSWER = "it did not answer"
_CLOSED = "its session has ended"


class SessionSandbox:
    """One session's sandbox. `root`: a descriptor of the workspace, which this object closes; `aside`: the folder for files put aside.

    `allowed`: the hosts that network "list" reaches; `placeholder_lock`: held while placeholders are made or removed, shared by all
    sessions. `others`: the guards of all sessions; `imported`: see `KnownControls`, shared by all guards.
    """

    def __init__(self, view: View, root: int, aside: Path, allowed: tuple[str, ...], placeholder_lock: threading.Lock, supervisors: Supervisors, others: Callable[[], Iterable[TreeGuard]] = tuple, imported: dict[FileLocation, str] | None = None):  # fmt: skip
        self.view, self._allowed, self._placeholder_lock, self._supervisors = view, allowed, placeholder_lock, supervisors
        repositories = [
            Controls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC), is_repository=True)
            for path, _, _ in view.repositories
        ]

        def outside_hooks() -> Iterable[str]:
            return (*view.user_git.hooks, *(value for tree in repositories for value in tree.git.hooks))

        self._trees = [Controls(root, is_home=view.is_home, outside_hooks=outside_hooks), *repositories]
        record = aside.parent.parent / "running"
        # Repositories outside the workspace come first, because their configuration says where hooks of the workspace are.
        self.guards = [
            TreeGuard(tree, aside, record / f"{aside.name}-{view.device}-{view.inode}-{number}.json", others=others, imported=imported)
            for number, tree in reversed(list(enumerate(self._trees)))
        ]
        # The last check of what commands made failed. It is repeated before another command runs.
        self._has_failed = False
        self._ticker: asyncio.Task[None] | None = None
        self._masks: list[str] = []
        self._is_closed = False
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._proxies: dict[str, Proxy] = {}
        self._notes: list[str] = []
        self._lock = asyncio.Lock()
        self.running = 0
        # How many callers are in `start`.
        self._starting = 0
        self.used_at = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_idle(self) -> bool:
        """Whether no command runs or starts."""
        return not self.running and not self._starting

    async def start(self, argv: list[str], environment: dict[str, str], folder: str | None, network: Network, streams: Streams, limits: CommandLimits) -> ContainedProcess:  # fmt: skip
        """A command that is ready to run in `folder` (relative to the workspace; None: `/`). Raises ToolProblem."""
        self._starting += 1
        try:
            return await self._start(argv, environment, folder, network, streams, limits)
        finally:
            self._starting -= 1

    async def _start(self, argv: list[str], environment: dict[str, str], folder: str | None, network: Network, streams: Streams, limits: CommandLimits) -> ContainedProcess:  # fmt: skip
        async with self._lock:
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
        """Notes for the model after a command has ended: files that were put aside. `is_last`: whether no command runs in the workspace."""
        if self.view.is_read_only:
            return []

        def look() -> list[str]:
            notes = self._look_after()
            if not self.running and not self._has_failed:
                for guard in self.guards:
                    guard.rest()
            # Placeholders that another session needs are not removed: its command counts as running before it makes them.
            with self._placeholder_lock:
                if is_last():
                    self.remove_placeholders()
            return notes

        async with self._lock:
            found = await asyncio.to_thread(look)
            lost = await self._lost_writes()
        notes, self._notes = [*self._notes, *found, *([lost] if lost else [])], []
        return notes

    def remove_placeholders(self) -> None:
        """Remove the placeholders. Call it only while no command of any session runs in the workspace."""
        for tree in self._trees:
            tree.remove_placeholders()

    async def close(self) -> None:
        """End the sandbox and every process in it. No command starts in it afterwards."""
        self._is_closed = True
        if self._ticker is not None and self._ticker is not asyncio.current_task():
            self._ticker.cancel()
            self._ticker = None
        for proxy in self._proxies.values():
            proxy.close()
        self._proxies.clear()
        await self._end_process()
        # A command that was about to start gives up now that its supervisor has ended.
        async with self._lock:
            pass

    def release(self) -> None:
        """Close the descriptors of the workspace. The sandbox cannot be used afterwards."""
        for tree in self._trees:
            tree.close()

    async def _end_process(self) -> None:
        if self._process is not None and self._control is not None:
            await asyncio.to_thread(end, self._process, self._control)
            self._process = self._control = None

    def _look(self) -> list[list[Any]]:
        """The control files to mount. While commands run, new control files are first put aside, so that they never become known.

        Raises ToolProblem.
        """
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
        with self._placeholder_lock:
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
        """While commands run, regularly put aside the control files that they made and mount those that a person added."""
        while self.running:
            await asyncio.sleep(TICK_S)
            async with self._lock:
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
        problem = _CLOSED
        for _ in range(TRIES):
            await self._end_process()
            process, control = await self._supervisors.taken()
            if self._is_closed:
                self._supervisors.give_back(process, control)
                break
            self._process, self._control = process, control
            answers = self._send(plan(self.view, controls, seccomp.program(with_unix_sockets=self.view.host.has_unix_sockets)))
            try:
                async with asyncio.timeout(BUILD_S):
                    answer, _, _ = await received(answers)
            except (TimeoutError, EOFError, OSError):
                answer = {"problem": await asyncio.to_thread(self._last_words)}
            finally:
                answers.close()
            if "ok" in answer:
                # The supervisor for the next session starts while this session's first command runs.
                self._supervisors.prepare_soon()
                return controls
            problem = str(answer.get("problem", ""))
            await self._end_process()
            if problem == _NO_ANSWER:
                # The supervisor was killed before it had its plan; it made nothing, so another one may.
                continue
            if "exchanged" not in problem and "cannot be protected" not in problem:
                break
            controls = await asyncio.to_thread(self._look)
        raise ToolProblem(f"the sandbox could not be made: {problem}. The command was not run.", "sandbox")

    async def _started(self, request: dict[str, Any], streams: Streams) -> ContainedProcess:
        problem = ""
        for _ in range(TRIES):
            answers = self._send(request, streams)
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer, pid, _ = await received(answers)
            except (TimeoutError, EOFError, OSError) as error:
                answers.close()
                raise ToolProblem("the sandbox did not start the command; it was not run", "sandbox") from error
            if "ready" in answer:
                return ContainedProcess(pid, answers, self._ended)
            answers.close()
            problem = str(answer.get("problem", ""))
            if "exchanged" not in problem and "cannot be protected" not in problem:
                raise ToolProblem(f"the command could not start: {problem}", "sandbox")
            request["controls"] = await asyncio.to_thread(self._look)
        raise ToolProblem(f"the command could not start: {problem}. It was not run.", "sandbox")

    async def _open_network(self, name: Network) -> None:
        """Make a network namespace that reaches the outside only through a proxy of this worker. It does not reach the machine's ports."""
        if name in self._proxies:
            return
        answers = self._send({"do": "network", "name": name, "port": PROXY_PORT})
        try:
            async with asyncio.timeout(ANSWER_S):
                answer, _, files = await received(answers)
        except (TimeoutError, EOFError, OSError) as error:
            raise ToolProblem("the sandbox's network could not be made; the command was not run", "sandbox") from error
        finally:
            answers.close()
        if not files:
            raise ToolProblem(f"the sandbox's network could not be made: {answer.get('problem', '')}", "sandbox")
        proxy = Proxy(self._allowed) if name == "list" else Proxy(None, named=self._allowed, allows_network=True)
        await proxy.serve(socket.socket(fileno=files[0]))
        self._proxies[name] = proxy

    async def _lost_writes(self) -> str:
        """What commands wrote since the last look and will be lost, as a note; '' for nothing."""
        if not self.is_alive:
            return ""
        answer: dict[str, Any] = {}
        with contextlib.suppress(ToolProblem, TimeoutError, EOFError, OSError):
            answers = self._send({"do": "temporary"})
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer, _, _ = await received(answers)
            finally:
                answers.close()
        return lost_note(answer.get("paths", []), answer.get("count", 0), str(self.view.host.home))

    def _ended(self) -> None:
        self.running -= 1

    def _send(self, request: dict[str, Any], files: tuple[int, ...] = ()) -> socket.socket:
        """Send a request with descriptors; the socket on which its answers arrive. Raises ToolProblem."""
        if self._control is None:
            raise ToolProblem(ENDED, "sandbox")
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
            raise ToolProblem(ENDED, "sandbox") from error
        finally:
            theirs.close()
            os.close(text)
        return ours

    def _last_words(self) -> str:
        process = self._process
        if process is None or process.stderr is None:
            return _NO_ANSWER
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        lines = process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else _NO_ANSWER
