"""The connection to one MCP server: held by a separate task, with deadlines for calls, restarted when the server dies."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from opta_core.clock import now_s
from opta_core.logs import Log
from opta_core.mcp_servers import McpServerSpec
from opta_core.version import VERSION
from opta_protocol.commands import OfferedTool

from ..result import Outcome, ToolProblem
from . import http_transport, tools
from .results import ResultFiles, outcome_of
from .rpc import METHOD_NOT_FOUND, ConnectionEnded, Message, RpcError, RpcSession, list_of, object_of

# A server may first have to be downloaded by its package manager.
CONNECT_S = 90.0
# A call may take CALL_S seconds; each progress message extends the deadline by as long, up to CALL_S_MAX in total.
CALL_S, CALL_S_MAX = 60.0, 600.0
LIST_AGAIN_S, LIST_S = 2.0, 30.0
STARTS_MAX, STARTS_WINDOW_S = 3, 300.0
PAGES_MAX, ITEMS_MAX = 100, 2000
READ_RESOURCE = "read_resource"
# The newest version that this client speaks. Any version that a server answers with is accepted: what is used here is the same in all.
PROTOCOL = "2025-06-18"

Connect = Callable[[RpcSession, Callable[[str], None]], "contextlib.AbstractAsyncContextManager[None]"]
log = Log("mcp")


class McpServer:
    """`connect` starts the server's program and connects a session; None for a server that is reached by its URL."""

    def __init__(self, spec: McpServerSpec, connect: Connect | None):
        self.spec = spec
        self._connect = connect
        self._session: RpcSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._starts: list[float] = []
        self._starting = asyncio.Lock()
        self._begun: asyncio.Task[None] | None = None
        # When the last start began.
        self.begun_at = now_s()
        self.calls = 0
        self.problem = ""
        self.used_at = now_s()
        self.listed = tools.ServerTools()
        self._capabilities: Message = {}
        self._listed_at = 0.0
        self._is_stale = False

    def begin(self) -> "asyncio.Task[None]":
        """`start` as a task that goes on when nobody waits for it any more."""
        if self._begun is None or self._begun.done():
            self.begun_at = now_s()
            self._begun = asyncio.create_task(self.start(), name=f"mcp start {self.spec.name}")
            # Whoever waits for the task reads its exception; when nobody does, the next caller starts the server again.
            self._begun.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return self._begun

    async def start(self) -> None:
        """Connect, unless the server is connected, and list its tools again when they changed. Raises ToolProblem."""
        async with self._starting:
            self.used_at = now_s()
            if self._session is not None and not self.problem:
                if self._is_stale and now_s() - self._listed_at > LIST_AGAIN_S:
                    await self._list_again(self._session)
                return
            self._starts = [at for at in self._starts if now_s() - at < STARTS_WINDOW_S]
            if len(self._starts) >= STARTS_MAX:
                raise ToolProblem(
                    f"the MCP server {self.spec.name} died {STARTS_MAX} times in five minutes ({self.problem}); try again later", "mcp"
                )
            self._starts.append(now_s())
            await self._end_task()
            self._ready, self._stop = asyncio.Event(), asyncio.Event()
            self.problem = ""
            self._task = asyncio.create_task(self._run(), name=f"mcp {self.spec.name}")
            waiting = asyncio.ensure_future(self._ready.wait())
            try:
                await asyncio.wait({waiting, self._task}, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            if self._session is None:
                problem = self.problem or f"it did not answer within {CONNECT_S:g} s"
                await self._end_task()
                self.problem = problem
                raise ToolProblem(f"the MCP server {self.spec.name} could not be used: {self.problem}", "mcp")

    async def call(self, name: str, args: dict[str, Any], on_progress: Callable[[str], None], kept: ResultFiles) -> Outcome:
        """Call a tool by the name that models know. Raises ToolProblem. Cancelling this call notifies the server."""
        self.calls += 1
        try:
            try:
                return await self._call(name, args, on_progress, kept)
            except ConnectionEnded as ended:
                if not ended.is_session_lost:
                    raise
                self._starts.clear()  # it did not die
            # The server forgot the session and did not work on the call, so it may be repeated in a new session.
            return await self._call(name, args, on_progress, kept)
        except ConnectionEnded as ended:
            raise ToolProblem(f"the MCP server {self.spec.name} has ended: {tools.plain(str(ended), 1000)}", "mcp") from ended
        finally:
            self.calls -= 1
            self.used_at = now_s()

    async def _call(self, name: str, args: dict[str, Any], on_progress: Callable[[str], None], kept: ResultFiles) -> Outcome:
        # When the call is cancelled, the start goes on.
        await asyncio.shield(self.begin())
        session = self._session
        if session is None:
            raise ConnectionEnded(self.problem or "it was closed")
        deadline = _Deadline()

        def report(progress: float, total: float | None, message: str) -> None:
            deadline.extend()
            share = f"{progress:g}/{total:g}" if total else f"{progress:g}"
            on_progress(f"{share} {tools.plain(message, 500)}".strip() + "\n")

        at_server = self.listed.names_at_server.get(name)
        if at_server is None:
            work = session.request("resources/read", {"uri": str(args.get("uri", ""))})
        else:
            work = session.request("tools/call", {"name": at_server, "arguments": args}, report)
        asked = asyncio.ensure_future(work)
        try:
            while not asked.done():
                await asyncio.wait({asked}, timeout=deadline.left())
                if not asked.done() and deadline.left() <= 0:
                    raise ToolProblem(f"the MCP server {self.spec.name} did not answer in time", "timeout")
            return outcome_of(asked.result(), kept)
        except RpcError as error:
            raise ToolProblem(f"the MCP server {self.spec.name} says: {tools.plain(str(error), 2000)}", "mcp") from error
        except (OSError, ValueError) as error:
            if self.problem:
                raise ConnectionEnded(self.problem) from error
            raise ToolProblem(f"the MCP server {self.spec.name} failed: {tools.plain(str(error), 2000)}", "mcp") from error
        finally:
            if not asked.done():
                # The session notifies the server of the cancellation.
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)

    async def close(self) -> None:
        """End the connection and the server."""
        if self._begun is not None and not self._begun.done():
            self._begun.cancel()
            await asyncio.wait({self._begun})
        async with self._starting:
            await self._end_task()

    async def _run(self) -> None:
        """Hold the connection from its start to its end."""
        ended = asyncio.Event()

        def on_end(reason: str) -> None:
            self.problem = self.problem or reason
            ended.set()

        session = RpcSession(self._on_notification)
        try:
            async with self._connected(session, on_end) as transport:
                await self._initialize(session, transport)
                await self._list(session)
                self._session = session
                self._ready.set()
                waiting = [asyncio.ensure_future(event.wait()) for event in (ended, self._stop)]
                try:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waiting:
                        wait.cancel()
        except Exception as error:  # whatever ends the connection is reported to the next caller
            self.problem = self.problem or tools.plain(str(error) or type(error).__name__, 500)
        finally:
            self._session = None
            await session.close()
            if self.problem:
                log.warning("server ended", server=self.spec.name, reason=self.problem)

    @asynccontextmanager
    async def _connected(
        self, session: RpcSession, on_end: Callable[[str], None]
    ) -> AsyncGenerator["http_transport.HttpTransport | None", None]:
        if self._connect is not None:
            async with self._connect(session, on_end):
                yield None
        else:
            async with http_transport.connected(self.spec.url, session, on_end) as transport:
                yield transport

    async def _initialize(self, session: RpcSession, transport: "http_transport.HttpTransport | None") -> None:
        client = {"name": "opta", "version": VERSION}
        version = PROTOCOL
        try:
            answer = await session.request("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": client})
        except RpcError as error:
            # A server that speaks other versions only may refuse in place of offering one of them.
            versions = [each for each in list_of(object_of(error.data).get("supported")) if isinstance(each, str)]
            if not versions:
                raise
            version = max(versions)
            answer = await session.request("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": client})
        agreed, self._capabilities = answer.get("protocolVersion"), object_of(answer.get("capabilities"))
        if transport is not None:
            transport.protocol = (
                agreed if isinstance(agreed, str) and agreed.isascii() and agreed.isprintable() and len(agreed) < 40 else version
            )
        await session.notify("notifications/initialized")
        if transport is not None:
            transport.listen()

    async def _list_again(self, session: RpcSession) -> None:
        try:
            async with asyncio.timeout(LIST_S):
                await self._list(session)
        except (RpcError, ConnectionEnded, OSError, ValueError, TimeoutError) as error:
            self.problem = f"it did not list its changed tools ({tools.plain(str(error) or 'no answer', 200)})"
            raise ToolProblem(f"the MCP server {self.spec.name} could not be used: {self.problem}", "mcp") from error

    async def _list(self, session: RpcSession) -> None:
        self._is_stale, self._listed_at = False, now_s()
        is_builtin = self.spec.origin == "builtin"
        listed, problem = await _pages(session, "tools", is_declared="tools" in self._capabilities or not self._capabilities)
        found = tools.offered(self.spec.name, listed, keeps_names=is_builtin)
        if problem:
            found.notes.append(f"{self.spec.name}: its list of tools is not complete ({tools.plain(problem, 200)})")
        prompts, _ = await _pages(session, "prompts", is_declared="prompts" in self._capabilities)
        resources, _ = await _pages(session, "resources", is_declared="resources" in self._capabilities)
        found.prompts = [{"name": _text(each, "name")} for each in prompts[: tools.TOOLS_MAX]]
        found.resources = [{"uri": _text(each, "uri", 2000), "name": _text(each, "name")} for each in resources[: tools.TOOLS_MAX]]
        if found.resources and not is_builtin:
            self._offer_resources(found)
        self.listed = found

    def _offer_resources(self, found: tools.ServerTools) -> None:
        """Add a tool that reads a resource, unless the server has one of that name."""
        described = ", ".join(f"{resource['uri']} ({resource['name']})" for resource in found.resources[:20])
        text = tools.plain(f"Read a resource of {self.spec.name} by its uri. Available: {described}", tools.DESCRIPTION_CHARS_MAX)
        schema = {"type": "object", "properties": {"uri": {"type": "string"}}, "required": ["uri"], "additionalProperties": False}
        name = f"mcp__{self.spec.name}__{READ_RESOURCE}"
        if name not in found.names_at_server:
            found.tools.append(OfferedTool(name=name, description=text, parameters=schema, server=self.spec.name, schema="resources"))

    def _on_notification(self, method: str) -> None:
        if "list_changed" in method:
            self._is_stale = True

    async def _end_task(self) -> None:
        if self._task is None:
            return
        self._stop.set()
        if self._session is not None:
            await asyncio.wait({self._task}, timeout=5)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=5)
        self._task = None


class _Deadline:
    def __init__(self) -> None:
        self._until = now_s() + CALL_S
        self._at_most = now_s() + CALL_S_MAX

    def extend(self) -> None:
        self._until = now_s() + CALL_S

    def left(self) -> float:
        return max(0.0, min(self._until, self._at_most) - now_s())


async def _pages(session: RpcSession, kind: str, *, is_declared: bool) -> tuple[list[Any], str]:
    """(the items of a paged list, why it is not complete). Raises RpcError when there is no first page of a declared list."""
    found: list[Any] = []
    if not is_declared:
        return found, ""
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        try:
            page = await session.request(f"{kind}/list", {"cursor": cursor} if cursor else None)
        except RpcError as error:
            if error.code == METHOD_NOT_FOUND or kind != "tools":
                return found, ""
            if not found:
                raise
            return found, str(error)
        found += list_of(page.get(kind))
        after = page.get("nextCursor")
        # Some servers repeat the last cursor for ever.
        if not isinstance(after, str) or not after or after in seen:
            return found, ""
        if len(found) > ITEMS_MAX:
            break
        seen.add(after)
        cursor = after
    return found, "it is too long" if len(found) <= ITEMS_MAX else ""


def _text(item: Any, name: str, chars: int = 200) -> str:
    return tools.plain(str(object_of(item).get(name) or ""), chars)
