"""The MCP servers of this worker: found for a folder, started on first use, ended when unused."""

import asyncio
import os
import secrets
from collections.abc import Callable
from typing import Any

from opta_core.background import Background
from opta_core.clock import now_s
from opta_core.logs import Log
from opta_core.mcp_servers import McpServerOffer, McpServerSpec, are_any, offered
from opta_core.paths import Paths
from opta_core.settings import Settings
from opta_protocol.commands import OfferedTool, RunTool, ToolList
from opta_protocol.tools.browser import BROWSER_SERVER, BROWSER_TOOLS

from ..result import Outcome, ToolProblem
from ..sandbox.bare import MARK, BareProcess
from ..sandbox.environment import environment
from ..sandbox.launch import CommandSpec, Process, Streams, WorkspaceRef
from ..sandbox.sandbox import Sandbox
from .mcp_server import CONNECT_S, Connect, McpServer
from .results import ResultFiles
from .stdio import connected
from .tools import ServerTools

IDLE_S = 600.0
SERVERS_MAX = 16
NOTED_MAX = 1000
# How long a turn waits for a server that an earlier turn has waited for.
AGAIN_S = 0.1
log = Log("mcp")


def _offered_browser() -> ServerTools:
    listed = [tool.function()["function"] for tool in BROWSER_TOOLS]
    return ServerTools([OfferedTool(**tool, server=BROWSER_SERVER, schema="") for tool in listed])


_BROWSER = _offered_browser()


class Servers:
    """Keeps one connection for each server and folder. The browser server has one for each turn, so that turns share nothing.

    `worker_environment`: of this process; `mark`: prefix of the marks of server processes.
    """

    def __init__(self, settings: Callable[[], Settings], paths: Paths, sandbox: Sandbox, worker_environment: dict[str, str], mark: str):
        self._settings, self._paths, self._sandbox, self._environment, self._mark = settings, paths, sandbox, worker_environment, mark
        self._servers: dict[tuple[str, ...], McpServer] = {}
        # Folder -> name of a tool as a model knows it -> the server that offered it last
        self._by_name: dict[str, dict[str, McpServerSpec]] = {}
        # (session, note) that was shown
        self._noted: dict[tuple[str, str], None] = {}
        self._ending = Background()

    @property
    def are_any(self) -> bool:
        """Whether any server may be configured."""
        return are_any(self._settings(), self._paths)

    async def tools(self, sid: str, turn: str, cwd: str, wait_s: float = CONNECT_S) -> ToolList:
        """The tools of every approved server of a folder. `problems` names the servers that could not be used.

        `wait_s`: how long to wait for a server that starts. One that needs longer starts on, and offers its tools when it is asked again.
        """
        offers, problems = await asyncio.to_thread(offered, self._settings(), self._paths, cwd)
        await self._end_idle()
        self._end_removed(cwd, {offer.spec.digest for offer in offers if offer.state == "approved"})
        found: list[OfferedTool] = []
        taken: dict[str, McpServerSpec] = {}
        servers: dict[str, dict[str, Any]] = {}
        asked = (self._tools_of(offer, sid, turn, cwd, wait_s) for offer in offers)
        for offer, result in zip(offers, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(result, BaseException):
                problems.append(f"the MCP server {offer.spec.name} could not be used: {result}")
                continue
            if isinstance(result, str):
                problems.append(result)
                continue
            problems += self._news(sid, result.notes)
            servers[offer.spec.name] = {"tools": len(result.tools), "resources": result.resources, "prompts": result.prompts}
            for tool in result.tools:
                if tool.name not in taken:
                    taken[tool.name] = offer.spec
                    found.append(tool)
        self._by_name[cwd] = self._by_name.get(cwd, {}) | taken
        return ToolList(sid=sid, turn=turn, tools=found, problems=problems, servers=servers)

    async def call(self, call: RunTool, on_progress: Callable[[str], None]) -> Outcome:
        """Call a tool of a server. Raises ToolProblem."""
        spec = self._by_name.get(call.cwd, {}).get(call.name)
        if spec is None:
            await self.tools(call.sid, call.turn, call.cwd)
            spec = self._by_name.get(call.cwd, {}).get(call.name)
        if spec is None:
            raise ToolProblem(f"there is no tool {call.name}", "unknown_tool")
        offers, _ = await asyncio.to_thread(offered, self._settings(), self._paths, call.cwd)
        if not any(offer.spec.digest == spec.digest and offer.state == "approved" for offer in offers):
            self._by_name[call.cwd].pop(call.name, None)
            raise ToolProblem(
                f"{call.name} is no longer offered: the MCP server {spec.name} was changed or removed in this turn. The next turn has its tools",
                "mcp_changed",
            )
        server = self._server(spec, call.sid, call.turn, call.cwd)
        await asyncio.shield(server.begin())
        # The call was judged by a description of the tool. If the server describes it differently by now, it is another tool.
        known = next((tool for tool in server.listed.tools if tool.name == call.name), None)
        if known is None or (call.schema and known.schema != call.schema):
            raise ToolProblem(
                f"{call.name} is no longer the tool that was allowed: {spec.name} has changed its description; call it again", "mcp_changed"
            )
        kept = ResultFiles(self._paths.daemon / "spills" / call.sid, call.callId)
        return await server.call(call.name, call.args, on_progress, kept)

    async def end_turn(self, sid: str, turn: str) -> None:
        """Close the browser of a turn, with all its cookies."""
        for key in [key for key in self._servers if key[1:] == (sid, turn)]:
            await self._servers.pop(key).close()

    async def close(self) -> None:
        """End every server."""
        servers, self._servers = list(self._servers.values()), {}
        await asyncio.gather(*(server.close() for server in servers), return_exceptions=True)
        # An end that is cut off would leave its server running.
        await self._ending.finish()

    async def _tools_of(self, offer: McpServerOffer, sid: str, turn: str, cwd: str, wait_s: float) -> ServerTools | str:
        """What a server offers, or why it is not offered. A turn starts a browser when it calls a tool of it."""
        spec = offer.spec
        if offer.state == "asks":
            return f"the folder offers the MCP server {spec.name!r}, which would {spec.says}; approve it with: opta mcp approve {spec.name}"
        if spec.origin == "builtin":
            return _BROWSER
        server = self._server(spec, sid, turn, cwd)
        return await _started(server, wait_s) or server.listed

    def _server(self, spec: McpServerSpec, sid: str, turn: str, cwd: str) -> McpServer:
        key = (BROWSER_SERVER, sid, turn) if spec.origin == "builtin" else (spec.digest, cwd)
        server = self._servers.get(key)
        if server is None:
            if len(self._servers) >= SERVERS_MAX:
                unused = [other for other in self._servers if not self._servers[other].calls]
                for oldest in sorted(unused, key=lambda other: self._servers[other].used_at)[:1]:
                    self._ending.start(self._servers.pop(oldest).close(), "mcp end")
            server = self._servers[key] = McpServer(spec, None if spec.url else self._connector(spec, sid, cwd))
        server.used_at = now_s()
        return server

    def _connector(self, spec: McpServerSpec, sid: str, cwd: str) -> Connect:
        async def start(streams: Streams) -> Process:
            return await self._start(spec, sid, cwd, streams)

        return lambda session, on_end: connected(start, session, on_end)

    def _news(self, sid: str, notes: list[str]) -> list[str]:
        """The notes that a session has not been shown yet. Without a session, a person asks and is shown all."""
        new = [note for note in notes if not sid or (sid, note) not in self._noted]
        self._noted |= {(sid, note): None for note in new if sid}
        for old in list(self._noted)[: max(0, len(self._noted) - NOTED_MAX)]:
            del self._noted[old]
        return new

    def _end_removed(self, cwd: str, digests: set[str]) -> None:
        """End the servers of a folder whose definition was changed or removed, once no call uses them."""
        gone = [
            key
            for key, server in self._servers.items()
            if server.spec.origin != "builtin" and key[1] == cwd and server.spec.digest not in digests and not server.calls
        ]
        for key in gone:
            self._ending.start(self._servers.pop(key).close(), "mcp end")
        self._by_name[cwd] = {name: spec for name, spec in self._by_name.get(cwd, {}).items() if spec.digest in digests}

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

    async def _end_idle(self) -> None:
        for key, server in list(self._servers.items()):
            if now_s() - server.used_at > IDLE_S and not server.calls:
                del self._servers[key]
                await server.close()


async def _started(server: McpServer, wait_s: float) -> str:
    """Wait for a server that starts, `wait_s` seconds from the beginning of its start; why its tools are not known, '' when they are."""
    start = server.begin()
    await asyncio.wait({start}, timeout=max(AGAIN_S, wait_s - (now_s() - server.begun_at)))
    if start.done() and not start.cancelled() and isinstance(problem := start.exception(), ToolProblem):
        return str(problem)
    if server.listed.tools or start.done():
        # While a server starts again, the tools that it had are offered; a call waits for it.
        return ""
    return f"the MCP server {server.spec.name} is still starting; its tools are offered from the turn after it is ready"
