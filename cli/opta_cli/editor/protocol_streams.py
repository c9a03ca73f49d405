"""Standard input and output as the two directions of the protocol. Nothing but the protocol reaches standard output.

The original output is kept under another descriptor; what any library or child process prints goes to standard error from then on.
"""

import asyncio
import json
import os
import stat
import sys
from typing import Any, cast

from acp import RequestError

from opta_core.errors import Refused

# Of one message. The files of a prompt have at most 20 MiB together.
MESSAGE_BYTES_MAX = 64 << 20


def check() -> None:
    """Raises Refused when a person has started this in a terminal, or when the output is no pipe."""
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise Refused(
            "opta acp speaks with an editor over standard input and output, so the editor has to start it. Which settings do that: docs/editors.md"
        )
    if stat.S_ISREG(os.fstat(1).st_mode):
        raise Refused("The output of opta acp is a file, but an editor has to read it. Which settings do that: docs/editors.md")


def claim_output() -> int:
    """The descriptor of the protocol. From now on, descriptor 1 and `print` lead to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.set_inheritable(kept, False)
    os.dup2(2, 1)
    return kept


async def streams(kept: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """(what the editor sends, what it reads)."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MESSAGE_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb", buffering=0))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(kept, "wb", buffering=0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


class LineTransport:
    """Messages of JSON-RPC, one a line. A line that is no message is answered with an error, and the next one is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer
        self._writing = asyncio.Lock()

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message. Raises ConnectionError when nobody reads it any more."""
        line = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"
        async with self._writing:
            self._writer.write(line)
            await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                line = end.partial
                if not line.strip():
                    return None
            except asyncio.LimitOverrunError as long:
                await self._reader.readexactly(long.consumed)
                await self._refuse(RequestError.invalid_request({"details": f"A message has at most {MESSAGE_BYTES_MAX >> 20} MiB."}))
                continue
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except ValueError as error:
                await self._refuse(RequestError.parse_error({"details": f"The line is not JSON: {error}"}))
                continue
            if isinstance(message, dict):
                return cast("dict[str, Any]", message)
            await self._refuse(
                RequestError.invalid_request({"details": "A message is a JSON object; batches are not part of the protocol."})
            )

    async def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    async def _refuse(self, error: RequestError) -> None:
        await self.send({"jsonrpc": "2.0", "id": None, "error": error.to_error_obj()})
