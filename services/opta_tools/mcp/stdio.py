"""A server's standard input and output as MCP messages: one JSON-RPC message a line, capped, in its containment.

Protocol: modelcontextprotocol.io, "Transports", stdio. The SDK's own transport has no cap on a line and cannot hand
a descriptor to the sandbox.
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
from ..sandbox.place import Process
from ..sandbox.place import Streams as ContainedStreams

LINE_BYTES_MAX = 1024 * 1024
# Lines that are no messages: some servers greet, none talks.
JUNK_MAX = 200
STOP_S = 1.0

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
# Starts the server with these descriptors as its 0, 1 and 2.
Start = Callable[[ContainedStreams], Awaitable[Process]]
log = Log("mcp")


@asynccontextmanager
async def connected(start: Start, on_end: Callable[[str], None]) -> AsyncGenerator[Streams, None]:
    """Start a server and give its streams. `on_end` is called when it ends by itself, with the reason. Raises OSError, ToolProblem."""
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
    """A code also for a server that never began; its last words say why."""
    try:
        return await process.ended()
    except ToolProblem as problem:
        last_words.append(f"error: {problem}; what lies in your home is there only when sandbox.read names it")
        return 127


class _Pipes:
    """Three pipes to a server: our ends as streams, its ends as descriptors."""

    def __init__(self, theirs: ContainedStreams, write: asyncio.WriteTransport, input: asyncio.StreamWriter):
        self.theirs, self._write, self.input = theirs, write, input
        self._reads: list[asyncio.ReadTransport] = []
        self.output, self.errors = asyncio.StreamReader(limit=LINE_BYTES_MAX), asyncio.StreamReader()

    @classmethod
    async def open(cls) -> "_Pipes":
        """Make them. Raises OSError."""
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
        """The server has its own copies now."""
        for descriptor in self.theirs:
            os.close(descriptor)

    def close(self) -> None:
        """Close our ends. One that was full when its server died sees no end of file, and would stay open."""
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
                # The line that names the error says more than the last one of a trace.
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
                        reason = "it sends lines that are no messages"
                    continue
                await to_session.send(SessionMessage(message))
    except (anyio.ClosedResourceError, anyio.BrokenResourceError):
        return  # our side is done with it
    on_end(reason)
    await to_session.aclose()
    process.kill()


async def _write(input: asyncio.StreamWriter, from_session: MemoryObjectReceiveStream[SessionMessage]) -> None:
    with contextlib.suppress(OSError, anyio.ClosedResourceError, anyio.EndOfStream):
        async for message in from_session:
            input.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await input.drain()


async def _errors(errors: asyncio.StreamReader, last_words: list[str]) -> None:
    """Reads what it complains, so that it never blocks on that, and keeps the last line."""
    while chunk := await errors.read(16 * 1024):
        lines = [line.strip() for line in chunk.decode(errors="replace").splitlines() if line.strip()]
        last_words[:] = [*last_words, *(line[:300] for line in lines)][-12:]
