"""A server's standard input and output as MCP messages: one JSON-RPC message a line, capped, in its containment.

Protocol: modelcontextprotocol.io, "Transports", stdio. The SDK's own transport has no cap on a line and cannot hand
a descriptor to the sandbox.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from opta_core.logs import Log

from ..sandbox.contain import Launch

LINE_BYTES_MAX = 1024 * 1024
# Lines that are no messages: some servers greet, none talks.
JUNK_MAX = 200
STOP_S = 1.0

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
log = Log("mcp")


@asynccontextmanager
async def connected(
    launch: Launch, environment: dict[str, str], folder: str, on_end: Callable[[str], None]
) -> AsyncGenerator[Streams, None]:
    """Start a server and give its streams. `on_end` is told when it ends by itself, and why. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *launch.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        cwd=folder,
        pass_fds=launch.descriptors,
        start_new_session=True,
        limit=LINE_BYTES_MAX,
    )
    launch.close()
    to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](16)
    last_words: list[str] = []
    tasks = [
        asyncio.create_task(_read(process, to_session, on_end, last_words), name="mcp read"),
        asyncio.create_task(_write(process, from_session), name="mcp write"),
        asyncio.create_task(_errors(process, last_words), name="mcp errors"),
    ]
    try:
        yield from_server, to_server
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            assert process.stdin is not None
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (to_session, from_server, to_server, from_session):
            await stream.aclose()
        # A pipe that was paused, full, when its server died sees no end of file and would stay open. asyncio gives
        # the transport no public name; `subprocess.Process` has no close of its own.
        process._transport.close()  # pyright: ignore
        await process.wait()


async def _read(
    process: asyncio.subprocess.Process,
    to_session: MemoryObjectSendStream[SessionMessage | Exception],
    on_end: Callable[[str], None],
    last_words: list[str],
) -> None:
    assert process.stdout is not None
    junk = 0
    reason = ""
    try:
        while not reason:
            try:
                line = await process.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                await process.wait()
                # The line that names the error says more than the last one of a trace.
                words = next((line for line in last_words if "rror" in line), last_words[-1] if last_words else "")
                said = f": {words}" if words else ""
                reason = f"it ended with code {process.returncode}{said}"
            except asyncio.LimitOverrunError:
                reason = f"it sent a line longer than {LINE_BYTES_MAX} bytes"
            else:
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    junk += 1
                    if junk > JUNK_MAX:
                        reason = "it sends lines that are no messages"
                    continue
                await to_session.send(SessionMessage(message))
    except (anyio.ClosedResourceError, anyio.BrokenResourceError):
        return  # our side is done with it
    on_end(reason)
    await to_session.aclose()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _write(process: asyncio.subprocess.Process, from_session: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, anyio.ClosedResourceError, anyio.EndOfStream):
        async for message in from_session:
            process.stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await process.stdin.drain()


async def _errors(process: asyncio.subprocess.Process, last_words: list[str]) -> None:
    """Reads what it complains, so that it never blocks on that, and keeps the last line."""
    assert process.stderr is not None
    while chunk := await process.stderr.read(16 * 1024):
        lines = [line.strip() for line in chunk.decode(errors="replace").splitlines() if line.strip()]
        last_words[:] = [*last_words, *(line[:300] for line in lines)][-12:]
