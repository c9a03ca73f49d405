"""Records in the journal what commands changed in their workspace, so that it can be shown and undone."""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from opta_core.background import Background
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_protocol.commands import RunTool
from opta_protocol.events import Event

from .checkpoints.checkpoints import Checkpoints
from .checkpoints.recorder import RecordedChanges, Started
from .result import ToolProblem

# Waits until the event is durable. Raises ToolProblem when the store refuses it.
Record = Callable[[Event], Awaitable[None]]
THREADS_MAX = 4
P = ParamSpec("P")
T = TypeVar("T")
log = Log("checkpoints")


class CommandChanges:
    """Observes workspaces while commands run."""

    def __init__(self, checkpoints: Checkpoints):
        self._checkpoints = checkpoints
        # Not the threads of file tools: a look at a large folder takes seconds, and several may wait for the same one.
        self._threads = ThreadPoolExecutor(THREADS_MAX, "checkpoints")
        self._preparing = Background()
        self._record: Record | None = None
        # Held while the workspaces of an earlier worker are looked at.
        self._recovering = asyncio.Lock()

    async def begin(self, call: RunTool, record: Record, *, background: bool, is_contained: bool = False) -> Callable[[], Awaitable[None]]:
        """A command is about to start. What this returns must be awaited when the command has ended, or was not started.

        `is_contained`: the sandbox keeps it from control files.
        """
        async with self._recovering:
            self._record = record
        root = await asyncio.to_thread(os.path.realpath, call.cwd)
        started = Started(
            root=root, folder=call.folder, sid=call.sid, turn=call.turn, call=call.callId, background=background, is_contained=is_contained
        )

        async def on_end() -> None:
            await self._write(await self.in_thread(self._checkpoints.end, started), record)

        beginning = asyncio.create_task(self.in_thread(self._checkpoints.begin, started), name=f"look before {call.callId}")
        try:
            await asyncio.shield(beginning)
        except asyncio.CancelledError:
            await beginning
            await on_end()
            raise
        return on_end

    async def flush(self, sid: str) -> None:
        """A turn ends: record what background commands of its session may have changed until now."""
        if self._record is not None:
            await self._write(await self.in_thread(self._checkpoints.flush, sid), self._record)

    async def recover(self, record: Record) -> None:
        """Record what commands changed that ended with an earlier worker, and go back from undos that it did not finish."""
        async with self._recovering:
            recorded = await self.in_thread(self._checkpoints.recover)
        await self._write(recorded, record)

    def prepare(self, cwd: str, folder: str) -> None:
        """A command may soon run: look at its workspace while a person decides."""
        self._preparing.start(self.in_thread(self._checkpoints.prepare, cwd, folder), "look at a workspace")

    async def close(self) -> None:
        """Stop watching."""
        await self._preparing.close()
        await self.in_thread(self._checkpoints.close)
        self._threads.shutdown()

    async def in_thread(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run work on workspaces in a thread for it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, functools.partial(work, *args, **named))

    async def _write(self, recorded: list[RecordedChanges], record: Record) -> None:
        written: list[RecordedChanges] = []
        for each in recorded:
            try:
                event = await self.in_thread(self._checkpoints.event, each)
                if event is not None:
                    await record(event)
            except ToolProblem as problem:
                log.error("what a command changed is not in the journal", command=each.started.name, reason=problem)
            except OptaError as problem:
                # It is tried again with the next changes, at the latest by the next worker.
                log.warning("what a command changed is not in the journal yet", command=each.started.name, reason=problem)
                continue
            written.append(each)
        if written:
            await self.in_thread(self._checkpoints.written, written)
