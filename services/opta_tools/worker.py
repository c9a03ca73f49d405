"""The tool-worker's endpoint: takes calls from agents, executes up to AT_ONCE_MAX at once, and writes their events to the store.

Invariant: a worker executes a call id at most once; writes to one path are executed in order.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator

import msgspec

from opta_core.background import Background
from opta_core.bus.bus import Bus, Frames
from opta_core.bus.outbox import Outbox
from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.logs import Log, current_session, current_turn
from opta_protocol.change_commands import ShowChanges, UndoChanges
from opta_protocol.commands import (
    CancelTool,
    EndSession,
    EndTurn,
    EndWorktree,
    ForkFiles,
    ListTools,
    MakeWorktree,
    PreviewTool,
    RunHook,
    RunTool,
    ShowTexts,
    ShowWorktree,
    ToolCommand,
    ToolsHello,
    ToolsState,
    WorktreeReply,
)
from opta_protocol.events import Event, ToolResult
from opta_protocol.path_commands import FindPaths
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import risk_of
from opta_protocol.topics import TOOLS_RPC

from .executor import Executor
from .result import Outcome, ToolProblem
from .worktrees.worktrees import Worktrees

AT_ONCE_MAX = 8
KNOWN_CALLS_MAX = 10_000
# A call that has met its time limit gets so long to end.
OVERDUE_AFTER_S = 30.0

_Asked = (
    RunHook
    | PreviewTool
    | UndoChanges
    | ShowChanges
    | ListTools
    | ShowTexts
    | FindPaths
    | EndTurn
    | EndSession
    | ForkFiles
    | MakeWorktree
    | EndWorktree
    | ShowWorktree
)
_command: msgspec.json.Decoder[_Asked | RunTool | CancelTool | ToolsHello] = msgspec.json.Decoder(ToolCommand)
_encode = msgspec.json.Encoder().encode
log = Log("worker")


class Worker:
    """The tool-worker's side of `tools.rpc`."""

    def __init__(self, bus: Bus, outbox: Outbox, boot: str, executor: Executor, worktrees: Worktrees | None = None):
        self._worktrees = worktrees
        self._outbox, self._boot, self._executor = outbox, boot, executor
        self._asked = Background()
        self._router = bus.router(TOOLS_RPC, self._on_command)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        # Call that has a slot -> (when it began, when it has to have ended), of `clock.now_s`.
        self._started: dict[str, tuple[float, float]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)
        # Path that is written -> (its lock, number of calls that hold or await it)
        self._paths: dict[str, tuple[asyncio.Lock, int]] = {}
        self._asked.start(executor.recover(self._record), "recover")

    def figures(self) -> dict[str, int | str]:
        """For telemetry: how many calls are active, queued and overdue, the level of the sandbox, and why it is not the strongest."""
        active, now = AT_ONCE_MAX - self._slots._value, now_s()
        return {
            "active": active,
            "max": AT_ONCE_MAX,
            "queued": max(0, len(self._tasks) - active),
            # Calls that run longer than they may, and the age of the oldest one in seconds.
            "overdue": sum(now > due for _, due in self._started.values()),
            "oldestS": round(max((now - began for began, _ in self._started.values()), default=0)),
            "sandbox": self._executor.level,
            "sandboxReason": self._executor.level_reason,
        }

    async def close(self) -> None:
        """Cancel every running call and wait until their results have reached the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._asked.close()
        await self._executor.close()
        await self._outbox.drained(2)

    def _on_command(self, peer: bytes, frames: Frames) -> None:
        try:
            command = _command.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable command", reason=error)
            return
        match command:
            case ToolsHello():
                self._router.send(
                    peer,
                    [
                        _encode(
                            ToolsState(
                                boot=self._boot, running=list(self._tasks), sandbox=self._executor.level, servers=self._executor.has_servers
                            )
                        )
                    ],
                )
            case CancelTool():
                if task := self._tasks.get(command.callId):
                    task.cancel()
                self._executor.cancel_hook(command.callId)
            case RunTool():
                self._start(command)
            case _:
                self._asked.start(self._answer(peer, command), f"answer {type(command).__name__}")

    def _start(self, call: RunTool) -> None:
        if call.callId in self._seen:
            return
        self._seen[call.callId] = None
        if len(self._seen) > KNOWN_CALLS_MAX:
            self._seen.popitem(last=False)
        task = asyncio.create_task(self._run(call), name=f"call {call.callId}")
        self._tasks[call.callId] = task
        task.add_done_callback(lambda _: self._tasks.pop(call.callId, None))

    async def _answer(self, peer: bytes, asked: _Asked) -> None:
        match asked:
            case RunHook():
                answer = await self._executor.run_hook(asked)
            case PreviewTool():
                answer = await self._executor.preview(asked)
            case ListTools():
                answer = await self._executor.tools(asked)
            case ShowTexts():
                answer = await self._executor.texts(asked)
            case FindPaths():
                answer = await self._executor.paths(asked)
            case UndoChanges():
                answer = await self._executor.undo(asked)
            case ShowChanges():
                answer = await self._executor.changes(asked)
            case EndTurn():
                await self._executor.end_turn(asked)
                return
            case EndSession():
                await self._executor.end_session(asked)
                return
            case ForkFiles():
                await self._executor.fork_files(asked)
                return
            case MakeWorktree() | EndWorktree() | ShowWorktree():
                answer = await self._worktree(asked)
        self._router.send(peer, [_encode(answer)])

    async def _worktree(self, asked: MakeWorktree | EndWorktree | ShowWorktree) -> WorktreeReply:
        if self._worktrees is None:
            return WorktreeReply(id=asked.id, problem="this tool worker makes no worktrees")
        match asked:
            case MakeWorktree():
                return await asyncio.to_thread(self._worktrees.make, asked)
            case ShowWorktree():
                return await asyncio.to_thread(self._worktrees.show, asked)
            case EndWorktree():
                if asked.action != "keep":
                    # What runs in the background there would write on.
                    for sid in asked.sids:
                        await self._executor.end_session(EndSession(sid=sid))
                return await asyncio.to_thread(self._worktrees.end, asked)

    async def _run(self, call: RunTool) -> None:
        current_session.set(call.sid)
        current_turn.set(call.turn)
        started = now_s()
        try:
            async with self._slots, self._in_order(call), self._timed(call):
                outcome = await self._executor.execute(call, self._outbox.append, self._record)
        except ToolProblem as problem:
            outcome = Outcome(f"Error: {problem}", ok=False, code=problem.code)
        except OptaError as error:
            outcome = Outcome(f"Error: {call.name} was not executed: {error.message}", ok=False, code=error.code)
        except asyncio.CancelledError:
            outcome = Outcome("Error: cancelled", ok=False, code="cancelled")
        except Exception as error:  # a bug in one tool must not end the other calls; the model reads what happened
            log.exception("tool failed", tool=call.name)
            outcome = Outcome(f"Error: {call.name} failed unexpectedly: {error}", ok=False, code="broken")
        result = ToolResult(
            sid=call.sid,
            turn=call.turn,
            callId=call.callId,
            ok=outcome.ok,
            # Events are UTF-8; file names and output need not be.
            content=outcome.content.encode(errors="replace").decode(),
            code=outcome.code,
            lines=outcome.lines,
            durationMs=round((now_s() - started) * 1000, 1),
            truncated=outcome.is_truncated,
            spill=outcome.spill,
            changes=outcome.changes,
        )
        # The call counts as running until the store has the result, so that no agent takes it for lost.
        while True:
            try:
                await self._outbox.written(result)
                return
            except OptaError as error:
                log.warning("result not stored yet", reason=error.message)

    async def _record(self, event: Event) -> None:
        result = await self._outbox.written(event)
        if result.status != "written":
            raise ToolProblem("this call has already been started, or its turn has ended; it was not executed", "fenced")

    @contextlib.asynccontextmanager
    async def _timed(self, call: RunTool) -> AsyncGenerator[None, None]:
        asked = call.args.get("timeout_s")
        limit_s = max(call.timeout_s, asked if isinstance(asked, int | float) else 0.0)
        self._started[call.callId] = now_s(), now_s() + limit_s + OVERDUE_AFTER_S
        try:
            yield
        finally:
            del self._started[call.callId]

    @contextlib.asynccontextmanager
    async def _in_order(self, call: RunTool) -> AsyncGenerator[None, None]:
        """Hold the lock of the path that a call writes: writes to one path are executed one after the other, in the order of arrival."""
        if risk_of(call.name) is not Risk.write:
            yield
            return
        key = f"{call.sid}/{call.args.get('path', '')}"
        lock, users = self._paths.get(key, (asyncio.Lock(), 0))
        self._paths[key] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._paths[key]
            if users > 1:
                self._paths[key] = lock, users - 1
            else:
                del self._paths[key]
