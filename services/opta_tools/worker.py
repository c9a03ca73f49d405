"""The tool-worker: takes calls from the agent, runs up to eight at once, writes their events to the store.

Invariant: a call id runs at most once in the life of a worker; writes to one path run in order.
"""

import asyncio
import os
from collections import OrderedDict, defaultdict

import msgspec

from opta_core.bus import Bus, Frames
from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.logs import Log, current_session, current_turn
from opta_core.outbox import Outbox
from opta_protocol.commands import CancelTool, RunTool, ToolCommand, ToolsHello, ToolsState
from opta_protocol.events import PlanUpdated, ToolOutput, ToolResult, ToolStart
from opta_protocol.topics import TOOLS_RPC

from . import registry
from .beneath import PathProblem, Workspace
from .outcome import Outcome, ToolProblem
from .search import is_costly
from .search_child import run_search
from .shell import Command

AT_ONCE_MAX = 8
KNOWN_CALLS_MAX = 10_000

_command: msgspec.json.Decoder[RunTool | CancelTool | ToolsHello] = msgspec.json.Decoder(ToolCommand)
_encode = msgspec.json.Encoder().encode
log = Log("worker")


class Worker:
    """The tool-worker's side of `tools.rpc`."""

    def __init__(self, bus: Bus, outbox: Outbox, boot: str, home_mark: str):
        self._outbox, self._boot, self._home_mark = outbox, boot, home_mark
        self._router = bus.router(TOOLS_RPC, self._on_command)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)
        self._paths: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def figures(self) -> dict[str, int]:
        """For telemetry: how busy the worker is."""
        active = AT_ONCE_MAX - self._slots._value
        return {"active": active, "max": AT_ONCE_MAX, "queued": max(0, len(self._tasks) - active)}

    async def close(self) -> None:
        """End every running call and let the results reach the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._outbox.drained(2)

    def _on_command(self, peer: bytes, frames: Frames) -> None:
        try:
            command = _command.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable command", reason=error)
            return
        match command:
            case ToolsHello():
                self._router.send(peer, [_encode(ToolsState(boot=self._boot, running=list(self._tasks)))])
            case CancelTool():
                if task := self._tasks.get(command.callId):
                    task.cancel()
            case RunTool():
                self._start(command)

    def _start(self, call: RunTool) -> None:
        if call.callId in self._seen:
            return
        self._seen[call.callId] = None
        if len(self._seen) > KNOWN_CALLS_MAX:
            self._seen.popitem(last=False)
        task = asyncio.create_task(self._run(call), name=f"call {call.callId}")
        self._tasks[call.callId] = task
        task.add_done_callback(lambda _: self._tasks.pop(call.callId, None))

    async def _run(self, call: RunTool) -> None:
        current_session.set(call.sid)
        current_turn.set(call.turn)
        started = now_s()
        try:
            async with (
                self._slots,
                self._paths[f"{call.sid}/{call.args.get('path', '')}" if call.name in ("write_file", "edit_file") else call.callId],
            ):
                outcome = await self._do(call)
        except ToolProblem as problem:
            outcome = Outcome(f"Error: {problem}", ok=False, code=problem.code)
        except asyncio.CancelledError:
            outcome = Outcome("Error: cancelled", ok=False, code="cancelled")
        except Exception as error:  # a bug in one tool must not take the other calls down; the model reads what happened
            log.exception("tool failed", tool=call.name)
            outcome = Outcome(f"Error: {call.name} failed unexpectedly: {error}", ok=False, code="broken")
        finally:
            self._paths.pop(call.callId, None)
        result = ToolResult(
            sid=call.sid,
            turn=call.turn,
            callId=call.callId,
            ok=outcome.ok,
            # File names and output need not be UTF-8; events are.
            content=outcome.content.encode(errors="replace").decode(),
            code=outcome.code,
            lines=outcome.lines,
            durationMs=round((now_s() - started) * 1000, 1),
            truncated=outcome.is_truncated,
            changes=outcome.changes,
        )
        # Until the store has it the call counts as running, so that nobody takes it for lost.
        while True:
            try:
                await self._outbox.written(result)
                return
            except OptaError as error:
                log.warning("result not stored yet", reason=error.message)

    async def _do(self, call: RunTool) -> Outcome:
        if call.name == "run_command":
            return await self._run_command(call)
        self._outbox.append(
            ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._boot, sandbox="workspace", pid=os.getpid())
        )
        if call.name == "todo":
            items = registry.arguments(registry.Todo, call.args, "todo").items
            self._outbox.append(PlanUpdated(sid=call.sid, turn=call.turn, items=items))
            return Outcome(f"{len(items)} items noted", lines=len(items))
        if call.name not in registry.FILE_TOOLS:
            raise ToolProblem(f"there is no tool {call.name}", "unknown_tool")
        if _is_costly(call):
            return await run_search(call.name, call.args, call.cwd)
        return await asyncio.to_thread(registry.run_file_tool, call.name, call.args, call.cwd)

    async def _run_command(self, call: RunTool) -> Outcome:
        checked = registry.arguments(registry.RunCommand, call.args, "run_command")
        if checked.background:
            raise ToolProblem("background commands are not available; run it in the foreground with a timeout_s")
        try:
            workspace = Workspace(call.cwd)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem

        def on_output(text: str) -> None:
            self._outbox.append(ToolOutput(sid=call.sid, turn=call.turn, callId=call.callId, delta=text))

        command = Command(workspace, f"{self._home_mark}/{call.callId}", on_output)
        try:
            self._outbox.append(
                ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._boot, sandbox="none", pid=os.getpid())
            )
            return await command.run(checked.command, checked.cwd, checked.timeout_s or call.timeout_s)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        finally:
            workspace.close()


def _is_costly(call: RunTool) -> bool:
    pattern, glob = str(call.args.get("pattern", "")), str(call.args.get("glob") or "")
    return (call.name == "grep" and is_costly(pattern, glob)) or (call.name == "search_files" and is_costly("", pattern))
