"""What a call does to the world: the file tools in threads, searches and commands in processes of their own."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Protocol

from opta_core.policy.actions import RISKS
from opta_core.tool_arguments import Todo
from opta_protocol.commands import EndTurn, ListTools, Preview, PreviewTool, RunTool, ToolList, UndoTurn
from opta_protocol.events import Event, PlanUpdated, ToolOutput, ToolStart
from opta_protocol.permissions import Risk

from . import registry
from .commands.jobs import Runner
from .files.checkpoints import Checkpoints
from .files.readable_roots import rooted
from .mcp.servers import Servers
from .progress import Progress
from .result import Outcome, ToolProblem
from .search import ripgrep
from .search.search import is_costly
from .search.search_child import run_search

Emit = Callable[[Event], object]
# Waits until the event is on the disk. Raises ToolProblem when it may not be written: then nothing may be done either.
Record = Callable[[Event], Awaitable[None]]


class Executor(Protocol):
    """Does one call. `emit` takes its events up to the result. Raises ToolProblem.

    What changes something is recorded as begun before it begins, so that nobody begins it twice.
    """

    level: str

    @property
    def has_servers(self) -> bool: ...

    async def tools(self, asked: ListTools) -> ToolList: ...

    async def end_turn(self, asked: EndTurn) -> None: ...

    async def do(self, call: RunTool, emit: Emit, record: Record) -> Outcome: ...

    async def undo(self, asked: UndoTurn) -> list[str]: ...

    async def preview(self, asked: PreviewTool) -> Preview: ...

    async def close(self) -> None: ...


class ToolExecutor:
    """The real ones. `worker` is this worker's boot id, `level` the sandbox's, `readable` what `sandbox.read` names."""

    def __init__(self, worker: str, level: str, runner: Runner, checkpoints: Checkpoints, servers: Servers, readable: tuple[str, ...] = ()):
        self._worker, self.level, self._runner, self._checkpoints, self._servers = worker, level, runner, checkpoints, servers
        self._readable = readable
        self._files = registry.Files(checkpoints)

    async def do(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        """See `Executor`."""
        if call.name == "run_command":
            return await self._run_command(call, emit, record)
        start = ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox="workspace", pid=os.getpid())
        if RISKS.get(call.name) is Risk.read:
            emit(start)
        else:
            await record(start)
        match call.name:
            case "todo":
                items = registry.arguments(Todo, call.args, "todo").items
                emit(PlanUpdated(sid=call.sid, turn=call.turn, items=items))
                return Outcome(f"{len(items)} items noted", lines=len(items))
            case "command_output":
                return await self._runner.output(call)
            case "command_stop":
                return await self._runner.stop(call)
            case name if name in registry.FILE_TOOLS:
                return await self._file_tool(call)
            case _:
                with Progress(lambda text: emit(_output(call, text))) as progress:
                    return await self._servers.call(call, progress.add)

    @property
    def has_servers(self) -> bool:
        """Whether there may be MCP servers."""
        return self._servers.are_any

    async def tools(self, asked: ListTools) -> ToolList:
        """What the MCP servers of a folder offer."""
        return await self._servers.tools(asked.sid, asked.turn, asked.cwd)

    async def end_turn(self, asked: EndTurn) -> None:
        """Let go of what belonged to a turn."""
        await self._servers.end_turn(asked.sid, asked.turn)

    async def preview(self, asked: PreviewTool) -> Preview:
        """What a write would do, or where a command would run."""
        try:
            return await asyncio.to_thread(self._files.preview, asked)
        except ToolProblem as problem:
            return Preview(callId=asked.callId, problem=str(problem), code=problem.code)

    async def undo(self, asked: UndoTurn) -> list[str]:
        """Put a turn's files back; their paths. Raises ToolProblem."""
        return await asyncio.to_thread(self._checkpoints.undo, asked.sid, asked.cwd, asked.changes)

    async def close(self) -> None:
        """End what runs in the background."""
        await self._runner.close()
        await self._servers.close()

    async def _file_tool(self, call: RunTool) -> Outcome:
        call = rooted(call, self._readable)
        if call.name in ("grep", "search_files"):
            if ripgrep.program() and (found := await ripgrep.run(call.name, call.args, call.cwd, call.folder)) is not None:
                return found
            if _is_costly(call):
                return await run_search(call.name, call.args, call.cwd, call.folder)
        work = asyncio.ensure_future(asyncio.to_thread(self._files.run, call))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if RISKS.get(call.name) is Risk.read:
                raise
            # A thread cannot be stopped: what it does to the file is told, and the next write waits for it.
            return await work

    async def _run_command(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        async def on_start(pid: int) -> None:
            await record(ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox=self.level, pid=pid))

        is_over = False

        def on_output(text: str) -> None:
            # What a background command prints after its call has ended is read with command_output.
            if not is_over:
                emit(_output(call, text))

        try:
            return await self._runner.run(call, on_start, on_output)
        finally:
            is_over = True


def _output(call: RunTool, text: str) -> ToolOutput:
    return ToolOutput(sid=call.sid, turn=call.turn, callId=call.callId, delta=text)


def _is_costly(call: RunTool) -> bool:
    pattern, glob = str(call.args.get("pattern", "")), str(call.args.get("glob") or "")
    return (call.name == "grep" and is_costly(pattern, glob)) or (call.name == "search_files" and is_costly("", pattern))
