"""The sandboxes of all sessions of this worker: made when first asked for, ended when long unused.

A session's /tmp is a folder on the disk, so it outlives its sandbox's processes and those of the worker.
"""

import asyncio
import contextlib
import hashlib
import os
import threading
import time
from pathlib import Path

from opta_core.clock import now_s

from ..housekeeping import remove_tree
from ..result import ToolProblem
from .git_links import repositories
from .git_person import git_person
from .known import Spot
from .place import Place
from .session_sandbox import SessionSandbox, opened
from .supervisors import Supervisors
from .tree_guard import TreeGuard
from .view import Machine, View, check_workspace

# How many sandboxes are kept at once, and how long one that runs nothing.
KEPT_MAX, KEPT_S = 24, 900.0
# How long the /tmp of a session that is not used is kept.
SCRATCH_S = 7 * 86_400.0


class Pool:
    """`state`: where caches, /tmp of sessions and what was put aside lie. `allowed`: hosts that network "list" reaches."""

    def __init__(self, machine: Machine, state: Path, allowed: tuple[str, ...]):
        self._machine, self._state, self._allowed = machine, state, allowed
        self._sessions: dict[tuple[str, str, bool], SessionSandbox] = {}
        self._placing = threading.Lock()
        self._supervisors = Supervisors()
        self._brought: dict[Spot, str] = {}

    async def get(self, place: Place) -> SessionSandbox:
        """The sandbox of a session, whether it was made before or not. Raises ToolProblem."""
        key = _key(place)
        sandbox = self._sessions.get(key)
        if sandbox is None:
            await self._make_room()
            sandbox = self._sessions[key] = await asyncio.to_thread(self._planned, place)
        sandbox.used_at = now_s()
        return sandbox

    async def notes(self, place: Place) -> list[str]:
        """What to say once a command of a place has ended."""
        sandbox = self._sessions.get(_key(place))
        if sandbox is None:
            return []
        return await sandbox.notes(lambda: not self._is_busy(sandbox))

    async def end_sessions(self) -> None:
        """End every sandbox; others may be made."""
        for key in list(self._sessions):
            await self._end(key)

    async def close(self) -> None:
        """End every sandbox, for good."""
        await self.end_sessions()
        await asyncio.to_thread(self._supervisors.close)

    def forget_old(self) -> None:
        """Remove the /tmp of sessions that were not used for days."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._state / "tmp"):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > SCRATCH_S:
                    remove_tree(entry.path)

    def _planned(self, place: Place) -> SessionSandbox:
        root, workspace = opened(place.workspace, place.identity)
        try:
            seen = os.fstat(root)
            # What a command leaves in its cache is not what a server of the workspace, with secrets and a network, runs.
            cache = self._folder("caches", f"{workspace}\0{place.session}" if place.is_read_only else workspace)
            scratch = self._folder("tmp", place.session)
            view = View(
                machine=self._machine,
                workspace=workspace,
                device=seen.st_dev,
                inode=seen.st_ino,
                cache=cache,
                scratch=scratch,
                is_read_only=place.is_read_only,
                repositories=repositories(root, workspace),
                person=git_person(self._machine.home, workspace),
            )
            check_workspace(self._machine, workspace)
            aside = self._state / "aside" / (place.session or "-")
            return SessionSandbox(view, root, aside, self._allowed, self._placing, self._supervisors, self._guards, self._brought)
        except BaseException:
            os.close(root)
            raise

    def _folder(self, kind: str, name: str) -> str:
        # The folder above says when it was used last: a command may set the times of its own.
        above = self._state / kind / hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        path = above / "here"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(above)
        except OSError as error:
            raise ToolProblem(f"the sandbox needs {path}, which cannot be made: {error.strerror}", "sandbox") from error
        return str(path)

    async def _make_room(self) -> None:
        idle = sorted((s.used_at, key) for key, s in self._sessions.items() if not s.running)
        too_many = len(self._sessions) - KEPT_MAX + 1
        for number, (used_at, key) in enumerate(idle):
            if number < too_many or now_s() - used_at > KEPT_S:
                await self._end(key)

    async def _end(self, key: tuple[str, str, bool]) -> None:
        sandbox = self._sessions.pop(key)
        await sandbox.close()
        if not self._is_busy(sandbox):
            await asyncio.to_thread(sandbox.remove_placeholders)
        sandbox.release()

    def _guards(self) -> list[TreeGuard]:
        return [guard for sandbox in list(self._sessions.values()) for guard in sandbox.guards]

    def _is_busy(self, sandbox: SessionSandbox) -> bool:
        return any(each.running for each in list(self._sessions.values()) if each is sandbox or _overlap(each, sandbox))


def _key(place: Place) -> tuple[str, str, bool]:
    return place.session, place.workspace, place.is_read_only


def _overlap(one: SessionSandbox, other: SessionSandbox) -> bool:
    first, second = f"{one.view.workspace}/", f"{other.view.workspace}/"
    return first.startswith(second) or second.startswith(first)
