"""The MCP servers of this worker: found for a folder, started on first use, ended when unused."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from opta_core.clock import now_s
from opta_core.logs import Log
from opta_core.mcp_servers import McpServerOffer, McpServerSpec, offered
from opta_core.paths import Paths
from opta_core.policy import trust
from opta_core.settings import Settings
from opta_protocol.commands import OfferedTool, RunTool, ToolList
from opta_protocol.tools.browser import BROWSER_SERVER

from ..result import Outcome, ToolProblem
from ..sandbox.bare import MARK, BareProcess
from ..sandbox.environment import environment
from ..sandbox.launch import CommandSpec, Process, Streams, WorkspaceRef
from ..sandbox.sandbox import Sandbox

IDLE_S = 600.0
SERVERS_MAX = 16
log = Log("mcp")


class _Connection(Protocol):
    spec: McpServerSpec
    used_at: float
    tools: list[OfferedTool]
    notes: list[str]
    resources: list[dict[str, str]]
    prompts: list[dict[str, str]]

    async def start(self) -> None: ...

    async def call(self, name: str, args: dict[str, Any], on_progress: Callable[[str], None]) -> Outcome: ...

    async def close(self) -> None: ...


class Servers:
    """Keeps one connection for each server and folder. The browser server has one for each turn, so that turns share nothing.

    `worker_environment`: of this process; `mark`: prefix of the marks of server processes.
    """

    def __init__(self, settings: Callable[[], Settings], paths: Paths, sandbox: Sandbox, worker_environment: dict[str, str], mark: str):
        self._settings, self._paths, self._sandbox, self._environment, self._mark = settings, paths, sandbox, worker_environment, mark
        self._servers: dict[tuple[str, ...], _Connection] = {}
        # (folder, name of a tool as a model knows it) -> the server that offered it last
        self._by_name: dict[tuple[str, str], McpServerSpec] = {}

    @property
    def are_any(self) -> bool:
        """Whether any server may be configured. `.mcp.json` counts only in a trusted folder."""
        mcp = self._settings().mcp
        return bool(mcp.servers or mcp.peekaboo or trust.file_of(self._paths).exists())

    async def tools(self, sid: str, turn: str, cwd: str) -> ToolList:
        """The tools of every approved server of a folder. `problems` names the servers that could not be used."""
        offers, problems = await asyncio.to_thread(offered, self._settings(), self._paths, cwd)
        await self._end_idle()
        found: list[OfferedTool] = []
        taken: set[str] = set()
        servers: dict[str, dict[str, Any]] = {}
        for offer, result in zip(
            offers, await asyncio.gather(*(self._tools_of(offer, sid, turn, cwd) for offer in offers), return_exceptions=True), strict=True
        ):
            if isinstance(result, BaseException):
                problems.append(f"the MCP server {offer.spec.name} could not be used: {result}")
                continue
            if isinstance(result, str):
                problems.append(result)
                continue
            server, server_tools = result
            problems += server.notes
            servers[server.spec.name] = {"tools": len(server_tools), "resources": server.resources, "prompts": server.prompts}
            for tool in server_tools:
                if tool.name not in taken:
                    taken.add(tool.name)
                    found.append(tool)
        return ToolList(sid=sid, turn=turn, tools=found, problems=problems, servers=servers)

    async def call(self, call: RunTool, on_progress: Callable[[str], None]) -> Outcome:
        """Call a tool of a server. Raises ToolProblem."""
        spec = self._by_name.get((call.cwd, call.name))
        if spec is None:
            await self.tools(call.sid, call.turn, call.cwd)
            spec = self._by_name.get((call.cwd, call.name))
        if spec is None:
            raise ToolProblem(f"there is no tool {call.name}", "unknown_tool")
        server = await self._server(spec, call.sid, call.turn, call.cwd)
        await server.start()
        # The call was judged by a description of the tool. If the server describes it differently by now, it is another tool.
        known = next((tool for tool in server.tools if tool.name == call.name), None)
        if known is None or (call.schema and known.schema != call.schema):
            raise ToolProblem(
                f"{call.name} is no longer the tool that was allowed: {spec.name} has changed its description; call it again", "mcp_changed"
            )
        name_at_server = call.name if spec.origin == "builtin" else call.name.removeprefix(f"mcp__{spec.name}__")
        return await server.call(name_at_server, call.args, on_progress)

    async def end_turn(self, sid: str, turn: str) -> None:
        """Close the browser of a turn, with all its cookies."""
        for key in [key for key in self._servers if key[1:] == (sid, turn)]:
            await self._servers.pop(key).close()

    async def close(self) -> None:
        """End every server."""
        servers, self._servers = list(self._servers.values()), {}
        await asyncio.gather(*(server.close() for server in servers), return_exceptions=True)

    async def _tools_of(self, offer: McpServerOffer, sid: str, turn: str, cwd: str) -> tuple[_Connection, list[OfferedTool]] | str:
        if offer.state == "asks":
            return f"the folder offers the MCP server {offer.spec.name!r}, which would {offer.spec.says}; approve it with: opta mcp approve {offer.spec.name}"
        try:
            server = await self._server(offer.spec, sid, turn, cwd)
            await server.start()
        except ToolProblem as problem:
            return str(problem)
        for tool in server.tools:
            self._by_name[(cwd, tool.name)] = offer.spec
        return server, server.tools

    async def _server(self, spec: McpServerSpec, sid: str, turn: str, cwd: str) -> _Connection:
        key = (BROWSER_SERVER, sid, turn) if spec.origin == "builtin" else (spec.digest, cwd)
        server = self._servers.get(key)
        if server is None:
            if len(self._servers) >= SERVERS_MAX:
                await self._end_idle(0.0)
            # The SDK takes most of a second to load, so it is loaded on first use.
            create = await asyncio.to_thread(_load_connection)
            server = self._servers.setdefault(key, create(spec, None if spec.url else self._connector(spec, sid, cwd)))
        server.used_at = now_s()
        return server

    def _connector(self, spec: McpServerSpec, sid: str, cwd: str) -> Callable[[Callable[[str], None]], Any]:
        async def start(streams: Streams) -> Process:
            return await self._start(spec, sid, cwd, streams)

        @asynccontextmanager
        async def connect(on_end: Callable[[str], None]) -> AsyncGenerator[Any, None]:
            from .stdio import connected

            async with connected(start, on_end) as streams:
                yield streams

        return connect

    async def _start(self, spec: McpServerSpec, sid: str, cwd: str, streams: Streams) -> Process:
        # A new mark for each start, so that ending the server of one turn does not end that of the next.
        mark = f"{self._mark}/mcp-{spec.name}-{secrets.token_hex(4)}"
        argv = [spec.command, *spec.args]
        server_environment = environment(self._environment, {MARK: mark})
        if spec.origin == "builtin":
            # Opta's browser server is trusted; its browser makes its own sandbox, which is impossible inside another one.
            local = {"OPTA_BROWSER_LOCAL": "1"} if self._settings().mcp.browser_local else {}
            return BareProcess(argv, server_environment | {"OPTA_HOME": str(self._paths.home)} | local, "/", streams, mark)
        if self._sandbox.level == "none":
            raise ToolProblem(
                f"the MCP server {spec.name} is not started: there is no sandbox on this machine ({self._sandbox.reason})", "sandbox"
            )
        ref = WorkspaceRef(f"mcp-{spec.digest[:12]}", await asyncio.to_thread(os.path.realpath, cwd), is_read_only=True)
        command = CommandSpec(argv, server_environment, mark, ".", "on" if spec.network else "off", spec.env)
        return await self._sandbox.start(ref, command, streams)

    async def _end_idle(self, idle_s: float = IDLE_S) -> None:
        for key, server in list(self._servers.items()):
            if now_s() - server.used_at > idle_s:
                del self._servers[key]
                await server.close()


def _load_connection() -> Callable[..., _Connection]:
    from .mcp_server import McpServer

    return McpServer
