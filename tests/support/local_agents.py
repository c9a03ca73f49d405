"""Store, agent and tool-worker in one loop over a LocalBus: the real ones, with a model that a test scripts and tools that only record."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from opta_agent import __main__ as agent_process
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Usage
from opta_agent.router import Route
from opta_core.paths import Paths
from opta_core.settings import PermissionSettings, Settings
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
from opta_protocol.error_info import ErrorInfo
from opta_protocol.event_parts import Limits
from opta_protocol.events import ENDING_NAMES, Event, PermissionDecision, SessionStart, ToolStart, TurnStart
from opta_protocol.ids import new_boot_id
from opta_protocol.path_commands import FindPaths, PathsFound
from opta_protocol.permissions import Level, Mode, SessionPolicy
from opta_protocol.topics import STORE_PUB
from opta_tools import __main__ as tools_process
from opta_tools.executor import Emit, Record
from opta_tools.result import Outcome

from .limits import limit_s
from .store import House

Answer = str | list[tuple[str, dict[str, Any]]]
# What a model answers to the messages of a request: words, or calls as (name, arguments).
Reply = Callable[[list[dict[str, Any]]], Awaitable[Answer]]
TICK_S = 0.02


def prompt_of(messages: list[dict[str, Any]]) -> str:
    """The first words of the last prompt."""
    return next(message["content"] for message in reversed(messages) if message["role"] == "user").partition("\n\n")[0]


def results_of(messages: list[dict[str, Any]]) -> list[str]:
    """The results behind the last prompt."""
    at = max(at for at, message in enumerate(messages) if message["role"] == "user")
    return [message["content"] for message in messages[at:] if message["role"] == "tool"]


Messages = list[dict[str, Any]]


def delegate(*titles: str, **more: Any) -> Answer:
    return [("agent", {"title": title, "task": f"task {title}", **more}) for title in titles]


def script(parent: Callable[[list[str]], Answer], child: Callable[[str, Messages], Awaitable[Answer]]) -> Any:
    """A model that answers the prompt `go` by its results so far, and any other prompt as a sub-agent."""

    async def reply(messages: Messages) -> Answer:
        if prompt_of(messages) == "go":
            return parent(results_of(messages))
        return await child(prompt_of(messages), messages)

    return reply


def once(*titles: str, **more: Any) -> Callable[[list[str]], Answer]:
    return lambda results: "all reported" if results else delegate(*titles, **more)


async def says(prompt: str, messages: Messages) -> Answer:
    return f"report of {prompt}"


async def writes(prompt: str, messages: Messages) -> Answer:
    return "written" if results_of(messages) else [("write_file", {"path": f"{prompt}.txt", "content": "x"})]


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(limit_s(40)):
            await story()

    asyncio.run(main())


class _Process:
    """The fields of `ServiceContext` that a process uses."""

    def __init__(self, local: "LocalAgents", service: str):
        self.bus, self.paths, self.settings = local.house.bus, local.paths, local.settings
        self.boot = new_boot_id()
        local.starts[service] = self.incarnation = local.starts.get(service, 0) + 1
        self.stopping = asyncio.Event()
        self.figures: Callable[[], dict[str, Any]] = dict

    def ready(self) -> None:
        return

    def publish(self) -> None:
        return


class _ScriptedRoutes:
    def __init__(self, local: "LocalAgents"):
        self._local = local

    def warm(self) -> None:
        return

    def close(self) -> None:
        return

    async def route(self, wanted: str) -> Route:
        return Route(_RepliedModel(self._local), "scripted", 100_000)


class _RepliedModel:
    name, host = "scripted", "here"

    def __init__(self, local: "LocalAgents"):
        self._local = local

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        messages = msgspec.json.decode(request.messages)
        self._local.requests.append((messages, bytes(request.tools)))
        answer = await self._local.reply(messages)
        if isinstance(answer, str):
            yield [TextPart(answer)]
        else:
            yield [CallPart(f"x{number}", name, json.dumps(arguments)) for number, (name, arguments) in enumerate(answer)]
        yield [End("stop" if isinstance(answer, str) else "tool_calls", Usage(prompt=100, completion=10))]


class _Recorder:
    """Every call does nothing and ends well; what ran is in `LocalAgents.ran`."""

    level, level_reason = "full", ""
    has_servers = False

    def __init__(self, local: "LocalAgents", boot: str):
        self._local, self._boot = local, boot

    async def execute(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        await record(ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._boot, sandbox="none"))
        self._local.ran.append((call.sid, call.name))
        return Outcome(f"{call.name} ran")

    async def tools(self, asked: ListTools) -> ToolList:
        return ToolList(sid=asked.sid, turn=asked.turn)

    async def end_turn(self, asked: EndTurn) -> None:
        return

    async def end_session(self, asked: EndSession) -> None:
        self._local.session_ends.append(asked.sid)

    async def preview(self, asked: PreviewTool) -> Preview:
        return Preview(callId=asked.callId, diff="+ more", expects="none", folder="/")

    async def recover(self, record: Record) -> None:
        return

    async def texts(self, asked: ShowTexts) -> TextsShown:
        return TextsShown(id=asked.id, texts=[ShownText() for _ in asked.wanted])

    async def paths(self, asked: FindPaths) -> PathsFound:
        return PathsFound(id=asked.id)

    async def close(self) -> None:
        return


class LocalAgents:
    """`async with LocalAgents(folder, reply) as local:`"""

    def __init__(self, folder: Path, reply: Reply, settings: Settings | None = None):
        self.workspace = folder / "work"
        self.workspace.mkdir()
        self.paths = Paths(folder / "home", folder / "home/daemon")
        self.paths.make()
        self.settings = settings or Settings(permissions=PermissionSettings(timeout_s=limit_s(20)))
        self.reply = reply
        # (messages, tools) of every request to the model; (session, tool) of every call that ran; sessions whose background ended.
        self.requests: list[tuple[list[dict[str, Any]], bytes]] = []
        self.ran: list[tuple[str, str]] = []
        self.session_ends: list[str] = []
        self.starts: dict[str, int] = {}
        self._tasks: dict[str, tuple[_Process, asyncio.Task[None]]] = {}

    async def __aenter__(self) -> "LocalAgents":
        self.house = House(self.paths.daemon)
        self._moved = asyncio.Event()
        self.house.bus.subscribe(STORE_PUB, [b""], lambda _: self._moved.set())
        self.start("tools")
        self.start("agent")
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave("agent")
        await self.leave("tools")
        self._ticking.cancel()
        self.house.close()

    def start(self, service: str) -> None:
        """A new process."""
        process = _Process(self, service)
        body = (
            agent_process.serve(process, _ScriptedRoutes(self))  # type: ignore[arg-type]
            if service == "agent"
            else tools_process.serve(process, _Recorder(self, process.boot))  # type: ignore[arg-type]
        )
        self._tasks[service] = process, asyncio.create_task(body, name=service)

    async def leave(self, service: str) -> None:
        """The process ends; its turns stay open."""
        process, task = self._tasks.pop(service)
        process.stopping.set()
        await task

    async def restart(self, service: str = "agent") -> None:
        """Another process takes over."""
        await self.leave(service)
        self.start(service)

    async def _tick(self) -> None:
        while True:
            store = self.house.local.store
            store.heartbeat()
            store.leases.check()
            store.children.check()
            self._moved.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), TICK_S)

    # what a client does ---------------------------------------------------------------------------------

    async def put(self, event: Event) -> ErrorInfo | None:
        """Have the store write an event; why it refuses."""
        return (await self.house.gateway.written(event)).error

    async def session(self, sid: str = "abcdef", **fields: Any) -> str:
        """A new session."""
        start: dict[str, Any] = {"mode": Mode.do, "level": Level.L2, "policy": SessionPolicy.standard, "title": "main", **fields}
        assert await self.put(SessionStart(sid=sid, cwd=str(self.workspace), **start)) is None
        return sid

    async def submit(self, sid: str, text: str, mode: Mode = Mode.do, level: Level = Level.L2, limits: Limits | None = None) -> str:
        """A prompt; its turn."""
        start = TurnStart(sid=sid, role="user", text=text, mode=mode, level=level, limits=limits or Limits())
        return (await self.house.gateway.written(start)).turn

    async def until(self, is_so: Callable[[], Any]) -> Any:
        """Wait until something is so; what it gave."""
        async with asyncio.timeout(limit_s(20)):
            while not (found := is_so()):
                self._moved.clear()
                await self._moved.wait()
        return found

    async def moved(self) -> None:
        """Wait until the store has written something, or its next look."""
        self._moved.clear()
        await self._moved.wait()

    async def ended(self, sid: str, turn: str) -> list[dict[str, Any]]:
        """The events of a session, once a turn has ended."""
        await self.until(lambda: any(event.get("turn") == turn and event["event"] in ENDING_NAMES for event in self.events(sid)))
        return self.events(sid)

    def events(self, sid: str) -> list[dict[str, Any]]:
        """The journal."""
        file = self.paths.sessions / f"{sid}.jsonl"
        return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []

    def named(self, sid: str, *names: str) -> list[dict[str, Any]]:
        """Those events of a session."""
        return [event for event in self.events(sid) if event["event"] in names]

    def children(self) -> list[str]:
        """The sessions of sub-agents, in the order in which they were begun."""
        starts = [self.events(file.stem)[0] for file in self.paths.sessions.glob("*.jsonl") if self.events(file.stem)]
        return [start["sid"] for start in sorted(starts, key=lambda start: start["ts"]) if start.get("parentCall")]

    def asking(self, sid: str) -> list[dict[str, Any]]:
        """Open permission questions of a session."""
        answered = {event.get("requestId") for event in self.named(sid, "permission.decision")}
        return [event for event in self.named(sid, "permission.request") if event["requestId"] not in answered]

    async def answer(self, asked: dict[str, Any], *, is_allowed: bool = True) -> None:
        """Answer a permission question."""
        decision = PermissionDecision(
            sid=asked["sid"], turn=asked["turn"], callId=asked["callId"], requestId=asked["requestId"],
            decision="allow" if is_allowed else "deny", by="client",
        )  # fmt: skip
        await self.put(decision)
