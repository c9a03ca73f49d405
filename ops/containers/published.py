"""Run the service of a container, and pass on the connections of its published port: `published.py NETWORK PORT:VARIABLE:DEFAULT -- COMMAND`.

Opta's HTTP servers listen on loopback alone, and a container's published port leads to its address on a network. So this program
listens at PORT and passes each connection on to the service's port on loopback: the value of VARIABLE, else DEFAULT. It takes
connections from one network only: the one on which this container has the name NETWORK. It ends when the service ends, with its code,
and passes on SIGTERM and SIGINT.

It uses the standard library alone, so that it runs with any release of Opta in the image.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys

CHUNK_BYTES = 64 * 1024
CONNECTIONS_MAX = 512
CONNECT_S = 5.0
USAGE = "usage: published.py NETWORK PORT:VARIABLE:DEFAULT -- COMMAND…"


class PublishedPort:
    """Passes connections on to `target` on loopback. `name`: the name of this container on the network that may connect."""

    def __init__(self, name: str, target: int):
        self._name, self._target = name, target
        self._open = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        with contextlib.closing(writer):
            if self._open >= CONNECTIONS_MAX or writer.get_extra_info("sockname")[0] not in await self._addresses():
                return
            self._open += 1
            try:
                async with asyncio.timeout(CONNECT_S):
                    inner = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:  # the service is starting, or restarts; TimeoutError is one
                self._open -= 1
                return
            try:
                await _join((reader, writer), inner)
            finally:
                self._open -= 1
                inner[1].close()

    async def _addresses(self) -> set[str]:
        # Looked up for each connection: a network that is attached again may give another address.
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except OSError:
            return set()
        return {str(address[0]) for *_, address in found}


async def _join(
    one: "tuple[asyncio.StreamReader, asyncio.StreamWriter]", other: "tuple[asyncio.StreamReader, asyncio.StreamWriter]"
) -> None:
    """Copy both directions until both have ended, or one has failed."""
    with contextlib.suppress(OSError, ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(one[0], other[1]))
            group.create_task(_copy(other[0], one[1]))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while content := await source.read(CHUNK_BYTES):
        target.write(content)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


async def run(name: str, port: int, target: int, command: list[str]) -> int:
    """Run the command, and serve the port meanwhile; its exit code, or 128 and the number of the signal that ended it."""
    published = PublishedPort(name, target)
    server = await asyncio.start_server(published.accept, "0.0.0.0", port)
    process = await asyncio.create_subprocess_exec(*command)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _pass_on, process, number)
    code = await process.wait()
    server.close()
    return code if code >= 0 else 128 - code


def _pass_on(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def main() -> int:
    """Read the command line and run it."""
    try:
        name, ports, dashes, *command = sys.argv[1:]
        port, variable, default = ports.split(":")
        target = int(os.environ.get(variable) or default)
        if dashes != "--" or not command:
            raise ValueError
        published = int(port)
    except ValueError:
        print(USAGE, file=sys.stderr)
        return 2
    # The service's connections would otherwise keep the loop for seconds after it has ended.
    code = asyncio.run(run(name, published, target, command))
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
