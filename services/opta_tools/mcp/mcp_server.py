"""The connection to one MCP server: held by a separate task, with deadlines for calls, restarted when the server dies."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from opta_core.clock import now_s
from opta_core.logs import Log
from opta_core.mcp_servers import McpServerSpec
from opta_protocol.commands import OfferedTool

from ..result import Outcome, ToolProblem
from . import tools
from .stdio import Streams

CONNECT_S = 20.0
# A call may take CALL_S seconds; each progress message extends the deadline by as long, up to CALL_S_MAX in total.
CALL_S, CALL_S_MAX = 60.0, 600.0
LIST_AGAIN_S, LIST_S = 2.0, 10.0
STARTS_MAX, STARTS_WINDOW_S = 3, 300.0
CONTENT_BYTES_MAX = 64 * 1024
PAGES_MAX = 8
READ_RESOURCE = "read_resource"

Connect = Callable[[Callable[[str], None]], "contextlib.AbstractAsyncContextManager[Streams]"]
log = Log("mcp")


class McpServer:
    """`connect` starts the server's program and opens its streams; None for a server that is reached by its URL."""

    def __init__(self, spec: McpServerSpec, connect: Connect | None):
        self.spec = spec
        self._connect = connect
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._starts: list[float] = []
        self._starting = asyncio.Lock()
        self.problem = ""
        self.used_at = now_s()
        self.tools: list[OfferedTool] = []
        self.notes: list[str] = []
        self.resources: list[dict[str, str]] = []
        self.prompts: list[dict[str, str]] = []
        self._listed_at = 0.0
        self._is_stale = False

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
            await asyncio.wait({waiting, self._task}, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self._session is None:
                problem = self.problem or f"it did not answer within {CONNECT_S:g} s"
                await self._end_task()
                self.problem = problem
                raise ToolProblem(f"the MCP server {self.spec.name} could not be used: {self.problem}", "mcp")

    async def call(self, name: str, args: dict[str, Any], on_progress: Callable[[str], None]) -> Outcome:
        """Call a tool by its name at the server. Raises ToolProblem. Cancelling this call notifies the server."""
        await self.start()
        session = self._session
        assert session is not None
        deadline = _Deadline()

        async def report(progress: float, total: float | None, message: str | None) -> None:
            deadline.extend()
            share = f"{progress:g}/{total:g}" if total else f"{progress:g}"
            on_progress(f"{share} {tools.plain(message or '', 500)}".strip() + "\n")

        if name == READ_RESOURCE and any(tool.name.endswith(f"__{READ_RESOURCE}") for tool in self.tools):
            work = session.read_resource(str(args.get("uri", "")))
            return await self._outcome(work, deadline, lambda result: _texts(result.contents))
        work = session.call_tool(name, args, read_timeout_seconds=CALL_S_MAX, progress_callback=report)
        return await self._outcome(work, deadline, _said)

    async def close(self) -> None:
        """End the connection and the server."""
        async with self._starting:
            await self._end_task()

    async def _outcome(self, work: Awaitable[Any], deadline: "_Deadline", said: Callable[[Any], str]) -> Outcome:
        asked = asyncio.ensure_future(work)
        task = self._task
        assert task is not None
        try:
            while not asked.done():
                await asyncio.wait({asked, task}, timeout=deadline.left(), return_when=asyncio.FIRST_COMPLETED)
                if task.done() and not asked.done():
                    raise ToolProblem(f"the MCP server {self.spec.name} has ended: {self.problem}", "mcp")
                if not asked.done() and deadline.left() <= 0:
                    raise ToolProblem(f"the MCP server {self.spec.name} did not answer in time", "timeout")
            result = asked.result()
        except MCPError as error:
            if self.problem:
                raise ToolProblem(f"the MCP server {self.spec.name} has ended: {self.problem}", "mcp") from error
            raise ToolProblem(f"the MCP server {self.spec.name} says: {tools.plain(str(error), 2000)}", "mcp") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise ToolProblem(f"the MCP server {self.spec.name} failed: {tools.plain(str(error), 2000)}", "mcp") from error
        finally:
            if not asked.done():
                # The SDK notifies the server of the cancellation.
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
        text = said(result)
        ok = not getattr(result, "is_error", False)
        encoded = text.encode(errors="replace")
        is_cut = len(encoded) > CONTENT_BYTES_MAX
        if is_cut:
            half = CONTENT_BYTES_MAX // 2
            left_out = len(encoded) - CONTENT_BYTES_MAX
            text = encoded[:half].decode(errors="ignore") + f"\n… {left_out} bytes left out …\n" + encoded[-half:].decode(errors="ignore")
        content = text or "(no content)"
        return Outcome(
            content if ok else f"Error: {content}",
            lines=text.count("\n") + bool(text),
            ok=ok,
            code="" if ok else "mcp",
            is_truncated=is_cut,
        )

    async def _run(self) -> None:
        """Hold the connection from its start to its end, in one task as the SDK requires."""
        ended = asyncio.Event()

        def on_end(reason: str) -> None:
            self.problem = reason
            ended.set()

        try:
            async with self._streams(on_end) as (read, write), ClientSession(read, write, message_handler=self._on_message) as session:
                await session.initialize()
                await self._list(session)
                self._session = session
                self._ready.set()
                waiting = [asyncio.ensure_future(event.wait()) for event in (ended, self._stop)]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for wait in waiting:
                    wait.cancel()
        except Exception as error:  # whatever a server or the SDK raises ends the connection and is reported to the next caller
            self.problem = self.problem or tools.plain(_innermost(error), 500)
        finally:
            self._session = None
            if self.problem:
                log.warning("server ended", server=self.spec.name, reason=self.problem)

    @asynccontextmanager
    async def _streams(self, on_end: Callable[[str], None]) -> AsyncGenerator[Any, None]:
        if self._connect is not None:
            async with self._connect(on_end) as streams:
                yield streams
        else:
            async with streamable_http_client(self.spec.url) as streams:
                yield streams

    async def _list_again(self, session: ClientSession) -> None:
        try:
            async with asyncio.timeout(LIST_S):
                await self._list(session)
        except (MCPError, OSError, RuntimeError, ValueError, TimeoutError) as error:
            self.problem = f"it did not list its changed tools ({tools.plain(_innermost(error), 200)})"
            raise ToolProblem(f"the MCP server {self.spec.name} could not be used: {self.problem}", "mcp") from error

    async def _list(self, session: ClientSession) -> None:
        self._is_stale, self._listed_at = False, now_s()
        capabilities = session.server_capabilities
        listed = await _pages(session.list_tools, "tools") if capabilities is None or capabilities.tools else []
        self.tools, self.notes = tools.offered(self.spec.name, listed, keeps_names=self.spec.origin == "builtin")
        if capabilities and capabilities.prompts:
            found = await _pages(session.list_prompts, "prompts")
            self.prompts = [{"name": tools.plain(str(p.name), 200)} for p in found[: tools.TOOLS_MAX]]
        if capabilities and capabilities.resources:
            found = await _pages(session.list_resources, "resources")
            self.resources = [{"uri": str(r.uri), "name": tools.plain(str(r.name), 200)} for r in found[: tools.TOOLS_MAX]]
            if not self.resources or self.spec.origin == "builtin":
                return
            names = ", ".join(f"{resource['uri']} ({resource['name']})" for resource in self.resources[:20])
            text = tools.plain(f"Read a resource of {self.spec.name} by its uri. Available: {names}", tools.DESCRIPTION_CHARS_MAX)
            schema = {"type": "object", "properties": {"uri": {"type": "string"}}, "required": ["uri"], "additionalProperties": False}
            name = f"mcp__{self.spec.name}__{READ_RESOURCE}"
            if all(tool.name != name for tool in self.tools):
                self.tools.append(OfferedTool(name=name, description=text, parameters=schema, server=self.spec.name, schema="resources"))

    async def _on_message(self, message: Any) -> None:
        if "list_changed" in str(getattr(message, "method", "")):
            self._is_stale = True

    async def _end_task(self) -> None:
        if self._task is None:
            return
        self._stop.set()
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


async def _pages(ask: Callable[..., Awaitable[Any]], field: str) -> list[Any]:
    """The items of a paged list, from up to PAGES_MAX pages."""
    from mcp_types import PaginatedRequestParams

    found: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await ask(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        found += getattr(page, field)
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _said(result: Any) -> str:
    text = _texts(result.content)
    if not text and result.structured_content is not None:
        import msgspec

        return msgspec.json.encode(result.structured_content).decode()
    return text


def _texts(parts: list[Any]) -> str:
    said: list[str] = []
    for part in parts:
        text = getattr(part, "text", None) or getattr(getattr(part, "resource", None), "text", None)
        if text is not None:
            said.append(str(text))
        else:
            kind = getattr(part, "mime_type", None) or getattr(part, "type", "content")
            said.append(f"[{kind} {getattr(part, 'uri', '') or ''}]".replace(" ]", "]"))
    return "\n".join(said)


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{error}" or type(error).__name__
