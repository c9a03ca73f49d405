"""The stdio transport of an MCP server that runs in a sandbox: one JSON-RPC message a line, of limited length.

Protocol: modelcontextprotocol.io, "Transports", stdio. The SDK's transport is not used, because it does not limit lines and cannot pass
descriptors to the sandbox.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from opta_core.logs import Log

from ..result import ToolProblem
from ..sandbox.launch import Process
from ..sandbox.launch import Streams as ContainedStreams

LINE_BYTES_MAX = 1024 * 1024
# How many lines that are not messages are skipped: some servers print a greeting.
JUNK_MAX = 200
STOP_S = 1.0

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
# Starts the server with these descriptors as its standard input, output and error.
Start = Callable[[ContainedStreams], Awaitable[Process]]
log = Log("mcp")


@asynccontextmanager
async def connected(start: Start, on_end: Callable[[str], None]) -> AsyncGenerator[Streams, None]:
    """Start a server and yield its streams. `on_end` receives the reason when the server ends by itself. Raises OSError, ToolProblem."""
    pipes = await _Pipes.open()
    try:
        try:
            process = await start(pipes.theirs)
        finally:
            pipes.close_theirs()
        process.go()
    except BaseException:
        pipes.close()
        raise
    to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](16)
    last_words: list[str] = []
    ended = asyncio.create_task(_end_of(process, last_words), name="mcp end")
    tasks = [
        asyncio.create_task(_read(pipes.output, process, ended, to_session, on_end, last_words), name="mcp read"),
        asyncio.create_task(_write(pipes.input, from_session), name="mcp write"),
        asyncio.create_task(_errors(pipes.errors, last_words), name="mcp errors"),
    ]
    try:
        yield from_server, to_server
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            pipes.input.close()
        await asyncio.wait({ended}, timeout=STOP_S)
        process.kill()
        await ended
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (to_session, from_server, to_server, from_session):
            await stream.aclose()
        process.close()
        pipes.close()


async def _end_of(process: Process, last_words: list[str]) -> int:
    """The exit code of the server; 127 if it could not start, with the reason added to `last_words`."""
    try:
        return await process.ended()
    except ToolProblem as problem:
        last_words.append(f"error: {problem}; files in your home are visible to it only when sandbox.read names them")
        return 127


class _Pipes:
    """The three pipes to a server: this process's ends as streams, the server's ends as descriptors."""

    def __init__(self, theirs: ContainedStreams, write: asyncio.WriteTransport, input: asyncio.StreamWriter):
        self.theirs, self._write, self.input = theirs, write, input
        self._reads: list[asyncio.ReadTransport] = []
        self.output, self.errors = asyncio.StreamReader(limit=LINE_BYTES_MAX), asyncio.StreamReader()

    @classmethod
    async def open(cls) -> "_Pipes":
        """Create the pipes. Raises OSError."""
        loop = asyncio.get_running_loop()
        (their_input, our_input), (our_output, their_output), (our_errors, their_errors) = os.pipe(), os.pipe(), os.pipe()
        write, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(our_input, "wb", buffering=0))
        pipes = cls((their_input, their_output, their_errors), write, asyncio.StreamWriter(write, protocol, None, loop))
        for descriptor, reader in ((our_output, pipes.output), (our_errors, pipes.errors)):
            transport, _ = await loop.connect_read_pipe(
                partial(asyncio.StreamReaderProtocol, reader), os.fdopen(descriptor, "rb", buffering=0)
            )
            pipes._reads.append(transport)
        return pipes

    def close_theirs(self) -> None:
        """Close the server's ends, once the server has inherited them."""
        for descriptor in self.theirs:
            os.close(descriptor)

    def close(self) -> None:
        """Close this process's ends. The write end is aborted, because a pipe that was full when the server died would stay open."""
        for transport in (self._write, *self._reads):
            transport.close()
        self._write.abort()


async def _read(
    output: asyncio.StreamReader,
    process: Process,
    ended: "asyncio.Task[int]",
    to_session: MemoryObjectSendStream[SessionMessage | Exception],
    on_end: Callable[[str], None],
    last_words: list[str],
) -> None:
    junk = 0
    reason = ""
    try:
        while not reason:
            try:
                line = await output.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                code = await asyncio.shield(ended)
                # The line that names the error says more than the last line of a traceback.
                words = next((line for line in last_words if "rror" in line), last_words[-1] if last_words else "")
                said = f": {words}" if words else ""
                reason = f"it ended with code {code}{said}"
            except asyncio.LimitOverrunError:
                reason = f"it sent a line longer than {LINE_BYTES_MAX} bytes"
            else:
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    junk += 1
                    if junk > JUNK_MAX:
                        reason = "it sends lines that are not messages"
                    continue
                await to_session.send(SessionMessage(message))
    except (anyio.ClosedResourceError, anyio.BrokenResourceError):
        return  # the connection has been closed on this side
    on_end(reason)
    await to_session.aclose()
    process.kill()


async def _write(input: asyncio.StreamWriter, from_session: MemoryObjectReceiveStream[SessionMessage]) -> None:
    with contextlib.suppress(OSError, anyio.ClosedResourceError, anyio.EndOfStream):
        async for message in from_session:
            input.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await input.drain()


async def _errors(errors: asyncio.StreamReader, last_words: list[str]) -> None:
    """Read the server's standard error, so that the server never blocks on it, and keep the last lines."""
    while chunk := await errors.read(16 * 1024):
        lines = [line.strip() for line in chunk.decode(errors="replace").splitlines() if line.strip()]
        last_words[:] = [*last_words, *(line[:300] for line in lines)][-12:]
