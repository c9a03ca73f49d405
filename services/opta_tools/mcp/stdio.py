"""The stdio transport of an MCP server that runs in a sandbox: one JSON-RPC message a line, of limited length.

Protocol: modelcontextprotocol.io, "Transports", stdio. Servers also print banners and logs there, so a line that is not a message is skipped.
"""

import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from opta_core.logs import Log

from ..result import ToolProblem
from ..sandbox.launch import Process
from ..sandbox.launch import Streams as ContainedStreams
from .rpc import ConnectionEnded, Message, RpcSession, decoded

# The longest message. Of a longer line, so many bytes more are skipped before the server is given up.
LINE_BYTES_MAX, SKIPPED_BYTES_MAX = 16 * 1024 * 1024, 48 * 1024 * 1024
# How many lines that are not messages are skipped at once, and each second: some servers print logs.
JUNK_MAX, JUNK_PER_S = 2000, 20.0
STOP_S = 1.0
# The beginning of an answer, as servers write it.
_ID = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,12})\s*,')

# Starts the server with these descriptors as its standard input, output and error.
Start = Callable[[ContainedStreams], Awaitable[Process]]
log = Log("mcp")


@asynccontextmanager
async def connected(start: Start, session: RpcSession, on_end: Callable[[str], None]) -> AsyncGenerator[None, None]:
    """Start a server and connect a session. `on_end` gets the reason when the server ends by itself. Raises OSError, ToolProblem."""
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
    last_words: list[str] = []
    ended = asyncio.create_task(_end_of(process, last_words), name="mcp end")
    writing = asyncio.Lock()

    async def send(message: Message) -> None:
        async with writing:
            pipes.input.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            await pipes.input.drain()

    session.attach(send)
    tasks = [
        asyncio.create_task(_read(pipes.output, process, ended, session, on_end, last_words), name="mcp read"),
        asyncio.create_task(_errors(pipes.errors, last_words), name="mcp errors"),
    ]
    try:
        yield
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            pipes.input.close()
        try:
            await asyncio.wait({ended}, timeout=STOP_S)
        finally:
            # Also when whoever closes the connection does not wait for this: the server must not stay.
            process.kill()
            for task in tasks:
                task.cancel()
            await asyncio.gather(ended, *tasks, return_exceptions=True)
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
        self.output, self.errors = asyncio.StreamReader(limit=1024 * 1024), asyncio.StreamReader()

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
    session: RpcSession,
    on_end: Callable[[str], None],
    last_words: list[str],
) -> None:
    lines = _Lines(session)
    reason = ""
    while not reason and (chunk := await output.read(256 * 1024)):
        reason = lines.add(chunk)
        # A server that floods its output must not keep the loop from other work.
        await asyncio.sleep(0)
    if not reason:
        code = await asyncio.shield(ended)
        # The line that names the error says more than the last line of a traceback.
        words = next((line for line in last_words if "rror" in line), last_words[-1] if last_words else "")
        reason = f"it ended with code {code}" + (f": {words}" if words else "")
    on_end(reason)
    session.end(ConnectionEnded(reason))
    process.kill()


class _Lines:
    """Cuts the output of a server into lines and passes the messages on."""

    def __init__(self, session: RpcSession):
        self._session = session
        self._part = bytearray()
        # Bytes that are skipped of a line that is too long.
        self._skipped = 0
        self._junk, self._junk_at = 0.0, time.monotonic()

    def add(self, chunk: bytes) -> str:
        """Take output; the reason why the server is given up, '' while it is not."""
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            if self._skipped:
                self._skipped = 0
                continue
            self._part += line
            text, self._part = bytes(self._part), bytearray()
            if reason := self._line(text):
                return reason
        if self._skipped:
            self._skipped += len(rest)
            if self._skipped > SKIPPED_BYTES_MAX:
                return f"it sent a line longer than {LINE_BYTES_MAX} bytes"
        else:
            self._part += rest
            if len(self._part) > LINE_BYTES_MAX:
                self._skip()
        return ""

    def _skip(self) -> None:
        """Skip the rest of a line that is too long. If it is an answer, its request fails, and the server goes on."""
        if (found := _ID.match(self._part)) is not None:
            self._session.fail(int(found[1]), ValueError(f"the answer was longer than {LINE_BYTES_MAX // 1024**2} MiB; ask for less"))
        self._skipped, self._part = 1, bytearray()

    def _line(self, line: bytes) -> str:
        line = line.strip()
        if not line:
            return ""
        message = decoded(line)
        if not isinstance(message, dict | list) and (at := line.find(b'{"')) > 0:
            # A banner without a line break, or a byte order mark.
            message = decoded(line[at:])
        if isinstance(message, dict | list):
            self._session.receive(message)
            return ""
        now = time.monotonic()
        self._junk = max(0.0, self._junk - (now - self._junk_at) * JUNK_PER_S) + 1
        self._junk_at = now
        return "it sends lines that are not messages" if self._junk > JUNK_MAX else ""


async def _errors(errors: asyncio.StreamReader, last_words: list[str]) -> None:
    """Read the server's standard error, so that the server never blocks on it, and keep the last lines."""
    while chunk := await errors.read(16 * 1024):
        lines = [line.strip() for line in chunk.decode(errors="replace").splitlines() if line.strip()]
        last_words[:] = [*last_words, *(line[:300] for line in lines)][-12:]
