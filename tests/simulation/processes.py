"""Simulated processes: the real `serve` of each, in a context of its own, that can be killed at any moment."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from opta_agent import __main__ as agent_process
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Thinking, Usage
from opta_agent.router import Route
from opta_core.errors import Unavailable
from opta_core.paths import Paths
from opta_core.settings import PermissionSettings, Settings
from opta_gateway.live_streams import LiveStreams
from opta_gateway.store_access import StoreAccess
from opta_protocol.change_commands import ChangesShown, ChangesUndone, ShowChanges, UndoChanges
from opta_protocol.commands import (
    EndSession,
    EndTurn,
    ListTools,
    Preview,
    PreviewTool,
    RunTool,
    ShownText,
    ShowTexts,
    TextsShown,
    ToolList,
)
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import ToolOutput, ToolStart
from opta_protocol.hook_commands import HookEnded, RunHook
from opta_protocol.ids import new_boot_id
from opta_protocol.path_commands import FindPaths, PathsFound
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import risk_of
from opta_sessions import __main__ as sessions_process
from opta_sessions.journal import Journal
from opta_sessions.sync import OnSynced
from opta_tools import __main__ as tools_process
from opta_tools.executor import Emit, Record
from opta_tools.result import Outcome

from .clock import owner
from .disk import VirtualFiles
from .network import SimBus

if TYPE_CHECKING:
    from .world import World

PATHS = Paths(Path("/simulated/home"))


class Process:
    """One incarnation of a simulated process, and its context variables."""

    def __init__(self, world: "World", service: str):
        self.world, self.service = world, service
        self.is_alive, self.is_flushed = True, False
        self.paused_until = 0.0
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.died = asyncio.Event()
        self.context = copy_context()
        self.context.run(owner.set, self)
        # The fields of `opta_core.process.process.ServiceContext`.
        self.boot = new_boot_id()
        world.lives[service] += 1
        self.incarnation = world.lives[service]
        self.bus = SimBus(world.network, self)
        self.paths = PATHS
        self.settings = Settings(permissions=PermissionSettings(timeout_s=20))
        self.stopping = asyncio.Event()
        self.figures: Callable[[], dict[str, Any]] = dict
        self.is_ready = False
        self.access: StoreAccess | None = None

    def start(self) -> None:
        """Run the body; the process ends with it."""
        body = self.run(BODIES[self.service](self))
        body.add_done_callback(lambda done: done.cancelled() or (done.exception(), self.kill()))

    def run(self, coroutine: Awaitable[Any]) -> "asyncio.Task[Any]":
        """A task of this process."""
        return self.context.run(asyncio.get_running_loop().create_task, coroutine)  # type: ignore[arg-type]

    def ready(self) -> None:
        self.is_ready = True

    def degraded(self, reason: str) -> None:
        self.is_ready = False

    def publish(self) -> None:
        return

    def kill(self) -> None:
        """kill -9."""
        if self.is_alive:
            self.is_alive = False
            self.is_flushed = self.world.chance.random() < 0.5
            self.died.set()
            for task in list(self.tasks):
                task.cancel()
            self.world.on_death(self)


async def _sessions(process: Process) -> None:
    await sessions_process.serve(process, VirtualFiles(process.world.disk, process), _syncer(process))  # type: ignore[arg-type]


async def _agent(process: Process) -> None:
    await agent_process.serve(process, _Routes(process.world))  # type: ignore[arg-type]


async def _tools(process: Process) -> None:
    await tools_process.serve(process, _RecordingExecutor(process))  # type: ignore[arg-type]


async def _gateway(process: Process) -> None:
    process.access = StoreAccess(process.bus, process.boot)
    streams = LiveStreams(process.access)
    await process.stopping.wait()
    streams.close()


BODIES: dict[str, Callable[[Process], Awaitable[None]]] = {"sessions": _sessions, "agent": _agent, "tools": _tools, "gateway": _gateway}


def _syncer(process: Process) -> Callable[[OnSynced], "_Syncer"]:
    return lambda on_synced: _Syncer(process, on_synced)


class _Syncer:
    """The sync thread, as a callback that comes later."""

    def __init__(self, process: Process, on_synced: OnSynced):
        self._process, self._on_synced = process, on_synced
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Journal, int] = {}
        self._lazy: dict[Journal, None] = {}

    def add(self, journal: Journal, *, is_urgent: bool = True) -> None:
        if not is_urgent:
            self._lazy[journal] = None
            return
        self._lazy.pop(journal, None)
        if journal not in self._waiting:
            chance = self._process.world.chance
            delay_s = chance.uniform(0.0005, 0.008) if chance.random() < 0.95 else chance.uniform(0.05, 0.4)
            self._loop.call_later(delay_s, self._sync, journal)
        self._waiting[journal] = journal.size

    def flush(self) -> None:
        for journal in list(self._lazy):
            self.add(journal)

    def close(self) -> None:
        self.flush()
        for journal in list(self._waiting):
            self._sync(journal)

    def _sync(self, journal: Journal) -> None:
        size = self._waiting.pop(journal, None)
        if size is None or not self._process.is_alive:
            return
        error: OSError | None = None
        try:
            journal.sync()
        except OSError as failure:
            error = failure
        self._on_synced(journal, size, error)


class _Routes:
    """Every model is the scripted one."""

    def __init__(self, world: "World"):
        self._world = world

    def warm(self) -> None:
        return

    def close(self) -> None:
        return

    async def route(self, wanted: str) -> Route:
        return Route(_Model(self._world), "scripted", 8000)


class _Model:
    """Answers by what was asked and by chance: words, thoughts, calls, stalls, lost streams."""

    name, host = "scripted", "simulated"

    def __init__(self, world: "World"):
        self._world = world

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        chance = self._world.chance
        messages = msgspec.json.decode(request.messages)
        self._world.check_request(messages)
        steps = sum(1 for message in messages[_last_prompt(messages) :] if message["role"] == "assistant" and "tool_calls" in message)
        await asyncio.sleep(chance.uniform(0.001, 0.05))
        if chance.random() < 0.05:
            raise Unavailable("the model is away", code=ErrorCode.provider_unavailable)
        for number in range(chance.randint(0, 12)):
            yield [Thinking(f"hm{number} ")] if chance.random() < 0.1 else [TextPart(f"w{number} ")] * chance.randint(1, 3)
            if chance.random() < 0.6:
                await asyncio.sleep(chance.uniform(0.0, 0.03))
            if chance.random() < 0.01:
                raise Unavailable("the stream broke", code=ErrorCode.stream_lost)
        calls = chance.randint(0, 3) if steps < 3 else 0
        if calls:
            # A sub-agent is offered none.
            may_delegate = self._world.delegates and b'"name":"agent"' in bytes(request.tools)
            yield [self._call(steps, number, may_delegate=may_delegate) for number in range(calls)]
        yield [End("tool_calls" if calls else "stop", Usage(prompt=10, completion=5))]

    def _call(self, step: int, number: int, *, may_delegate: bool) -> CallPart:
        name = self._world.chance.choice(["list_dir", "read_file", "write_file", "run_command", *(["agent"] if may_delegate else [])])
        self._world.calls += 1
        if name == "agent":
            task = msgspec.json.encode({"title": f"part {self._world.calls}", "task": f"do part {self._world.calls}"}).decode()
            return CallPart(f"c{step}{number}", name, task)
        return CallPart(f"c{step}{number}", name, msgspec.json.encode({"path": f"{self._world.calls}"}).decode())


def _last_prompt(messages: list[dict[str, Any]]) -> int:
    return max(at for at, message in enumerate(messages) if message["role"] == "user")


class _RecordingExecutor:
    """Writes down what was done to the world, which outlives every process."""

    level, level_reason = "full", ""
    has_servers = False

    def __init__(self, process: Process):
        self._process = process

    async def execute(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        world, chance = self._process.world, self._process.world.chance
        start = ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._process.boot, sandbox="simulated")
        if risk_of(call.name) is Risk.read:
            emit(start)
        else:
            await record(start)
        world.begun.setdefault(call.callId, []).append(call.name)
        for _ in range(chance.randint(0, 3)):
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            emit(ToolOutput(sid=call.sid, turn=call.turn, callId=call.callId, delta="out\n"))
        return Outcome("done", ok=chance.random() < 0.9)

    async def tools(self, asked: ListTools) -> ToolList:
        return ToolList(sid=asked.sid, turn=asked.turn)

    async def end_turn(self, asked: EndTurn) -> None:
        return

    async def end_session(self, asked: EndSession) -> None:
        return

    async def preview(self, asked: PreviewTool) -> Preview:
        return Preview(callId=asked.callId, diff="+ more", expects="none")

    async def texts(self, asked: ShowTexts) -> TextsShown:
        return TextsShown(id=asked.id, texts=[ShownText() for _ in asked.wanted])

    async def paths(self, asked: FindPaths) -> PathsFound:
        return PathsFound(id=asked.id)

    async def run_hook(self, asked: RunHook) -> HookEnded:
        return HookEnded(hookId=asked.hookId, exit=0)

    def cancel_hook(self, hook_id: str) -> None:
        return

    async def undo(self, asked: UndoChanges) -> ChangesUndone:
        return ChangesUndone(id=asked.id, isDone=True)

    async def changes(self, asked: ShowChanges) -> ChangesShown:
        return ChangesShown(id=asked.id)

    async def recover(self, record: Record) -> None:
        return

    async def close(self) -> None:
        return


def seeded(seed: int) -> random.Random:
    """The one source of chance of a run."""
    return random.Random(seed)
