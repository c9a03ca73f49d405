"""What a call does to the world: the file tools in threads, searches and commands in processes of their own."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Protocol

from opta_core.policy import RISKS
from opta_protocol.commands import RunTool
from opta_protocol.events import Event, PlanUpdated, ToolOutput, ToolStart
from opta_protocol.permissions import Risk

from . import registry
from .beneath import PathProblem, Workspace
from .outcome import Outcome, ToolProblem
from .search import is_costly
from .search_child import run_search
from .shell import Command

Emit = Callable[[Event], object]
# Waits until the event is on the disk. Raises ToolProblem when it may not be written: then nothing may be done either.
Record = Callable[[Event], Awaitable[None]]


class Does(Protocol):
    """Does one call. `emit` takes its events up to the result. Raises ToolProblem.

    What changes something is recorded as begun before it begins, so that nobody begins it twice.
    """

    async def do(self, call: RunTool, emit: Emit, record: Record) -> Outcome: ...


class Hands:
    """The real ones. `worker` is this worker's boot id, `mark` is what every command of it carries in its environment."""

    def __init__(self, worker: str, mark: str):
        self._worker, self._mark = worker, mark

    async def do(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        """See `Does`."""
        if call.name == "run_command":
            return await self._run_command(call, emit, record)
        start = ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox="workspace", pid=os.getpid())
        if RISKS.get(call.name) is Risk.read:
            emit(start)
        else:
            await record(start)
        if call.name == "todo":
            items = registry.arguments(registry.Todo, call.args, "todo").items
            emit(PlanUpdated(sid=call.sid, turn=call.turn, items=items))
            return Outcome(f"{len(items)} items noted", lines=len(items))
        if call.name not in registry.FILE_TOOLS:
            raise ToolProblem(f"there is no tool {call.name}", "unknown_tool")
        if _is_costly(call):
            return await run_search(call.name, call.args, call.cwd)
        work = asyncio.ensure_future(asyncio.to_thread(registry.run_file_tool, call.name, call.args, call.cwd))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if RISKS.get(call.name) is Risk.read:
                raise
            # A thread cannot be stopped: what it does to the file is told, and the next write waits for it.
            return await work

    async def _run_command(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        checked = registry.arguments(registry.RunCommand, call.args, "run_command")
        if checked.background:
            raise ToolProblem("background commands are not available; run it in the foreground with a timeout_s")
        try:
            workspace = Workspace(call.cwd)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem

        async def on_start(pid: int) -> None:
            await record(ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox="none", pid=pid))

        def on_output(text: str) -> None:
            emit(ToolOutput(sid=call.sid, turn=call.turn, callId=call.callId, delta=text))

        command = Command(workspace, f"{self._mark}/{call.callId}", on_start, on_output)
        try:
            return await command.run(checked.command, checked.cwd, checked.timeout_s or call.timeout_s)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        finally:
            workspace.close()


def _is_costly(call: RunTool) -> bool:
    pattern, glob = str(call.args.get("pattern", "")), str(call.args.get("glob") or "")
    return (call.name == "grep" and is_costly(pattern, glob)) or (call.name == "search_files" and is_costly("", pattern))
