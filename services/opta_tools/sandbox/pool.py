"""The sandboxes of all sessions of this worker: made on first use, ended when unused for long.

A session's /tmp is a folder on the disk (`session_tmp`), so it outlives the processes of the sandbox and of the worker.
"""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

from opta_core.clock import now_s

from ..result import ToolProblem
from .git_links import repositories
from .known import FileLocation
from .launch import WorkspaceRef
from .session_sandbox import SessionSandbox
from .session_tmp import SessionTmps
from .supervisors import Supervisors
from .tree_guard import TreeGuard
from .user_git_config import user_git_config
from .view import Host, View, check_workspace
from .workspace_root import open_workspace

# How many sandboxes are kept, and for how many seconds an idle one is kept.
KEPT_MAX, KEPT_S = 24, 900.0

# (session, workspace, whether it is read-only)
_Key = tuple[str, str, bool]


class Pool:
    """`state`: the folder for caches, the /tmp of sessions and files put aside. `allowed`: hosts that network "list" reaches."""

    def __init__(self, host: Host, state: Path, allowed: tuple[str, ...]):
        self._host, self._state, self._allowed = host, state, allowed
        self._tmps = SessionTmps(state)
        self._sessions: dict[_Key, SessionSandbox] = {}
        self._making: dict[_Key, asyncio.Task[SessionSandbox]] = {}
        self._placeholder_lock = threading.Lock()
        self._supervisors = Supervisors()
        self._imported: dict[FileLocation, str] = {}

    async def get(self, ref: WorkspaceRef) -> SessionSandbox:
        """The sandbox of a session; a new one on first use. Raises ToolProblem."""
        key = _key(ref)
        sandbox = self._sessions.get(key)
        if sandbox is None:
            # Of two commands that arrive together, the second uses what the first makes. It is made and kept also when both are cancelled.
            making = self._making.get(key)
            if making is None:
                making = self._making[key] = asyncio.create_task(self._make(key, ref), name="sandbox")
                making.add_done_callback(lambda made: None if made.cancelled() else made.exception())
            sandbox = await asyncio.shield(making)
        else:
            # The time of the last use is kept, and the mode, which the command before may have changed.
            await asyncio.to_thread(self._tmps.make, ref.session)
        sandbox.used_at = now_s()
        return sandbox

    async def notes(self, ref: WorkspaceRef) -> list[str]:
        """Notes for the model after a command has ended."""
        sandbox = self._sessions.get(_key(ref))
        if sandbox is None:
            return []
        return await sandbox.notes(lambda: not self._is_busy(sandbox))

    async def end_sessions(self) -> None:
        """End every sandbox. New ones may be made afterwards."""
        if self._making:
            await asyncio.wait(self._making.values())
        for key in list(self._sessions):
            await self._end(key)

    async def close(self) -> None:
        """End every sandbox and the spare supervisor."""
        await self.end_sessions()
        await asyncio.to_thread(self._supervisors.close)

    async def _make(self, key: _Key, ref: WorkspaceRef) -> SessionSandbox:
        try:
            await self._evict_idle()
            sandbox = self._sessions[key] = await asyncio.to_thread(self._planned, ref)
            return sandbox
        finally:
            del self._making[key]

    def _planned(self, ref: WorkspaceRef) -> SessionSandbox:
        root, workspace = open_workspace(ref.workspace, ref.identity)
        try:
            seen = os.fstat(root)
            # An MCP server may have secrets and a network, so it must not run files that commands left in the workspace's cache.
            is_apart = ref.is_read_only and not ref.shares_cache
            cache = self._cache(f"{workspace}\0{ref.session}" if is_apart else workspace)
            scratch = self._tmps.make(ref.session)
            view = View(
                host=self._host,
                workspace=workspace,
                device=seen.st_dev,
                inode=seen.st_ino,
                cache=cache,
                scratch=scratch,
                is_read_only=ref.is_read_only,
                repositories=repositories(root, workspace),
                user_git=user_git_config(self._host.home, workspace),
            )
            check_workspace(self._host, workspace)
            aside = self._state / "aside" / (ref.session or "-")
            return SessionSandbox(view, root, aside, self._allowed, self._placeholder_lock, self._supervisors, self._guards, self._imported)
        except BaseException:
            os.close(root)
            raise

    def _cache(self, name: str) -> str:
        # The parent folder records the time of the last use, because a command can set the times of its folder.
        above = self._state / "caches" / hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        path = above / "here"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(above)
        except OSError as error:
            raise ToolProblem(f"the sandbox needs {path}, which cannot be made: {error.strerror}", "sandbox") from error
        return str(path)

    async def _evict_idle(self) -> None:
        idle = sorted((s.used_at, key) for key, s in self._sessions.items() if s.is_idle)
        too_many = len(self._sessions) - KEPT_MAX + 1
        for number, (used_at, key) in enumerate(idle):
            # While another one was ended, this one may have been ended too, or used.
            is_idle = key in self._sessions and self._sessions[key].is_idle
            if is_idle and (number < too_many or now_s() - used_at > KEPT_S):
                await self._end(key)

    async def _end(self, key: _Key) -> None:
        sandbox = self._sessions.pop(key)
        await sandbox.close()
        if not self._is_busy(sandbox):
            await asyncio.to_thread(sandbox.remove_placeholders)
        sandbox.release()

    def _guards(self) -> list[TreeGuard]:
        return [guard for sandbox in list(self._sessions.values()) for guard in sandbox.guards]

    def _is_busy(self, sandbox: SessionSandbox) -> bool:
        return any(each.running for each in list(self._sessions.values()) if each is sandbox or _overlap(each, sandbox))


def _key(ref: WorkspaceRef) -> _Key:
    return ref.session, ref.workspace, ref.is_read_only


def _overlap(one: SessionSandbox, other: SessionSandbox) -> bool:
    first, second = f"{one.view.workspace}/", f"{other.view.workspace}/"
    return first.startswith(second) or second.startswith(first)
