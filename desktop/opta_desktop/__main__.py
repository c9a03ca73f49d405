"""The desktop process: `python -m opta_desktop`."""

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from opta_core.process import ports, state
from opta_core.process.process import ServiceContext, run
from opta_core.strict_connection import HEADER_BYTES_MAX, StrictConnection

from .server import Desktop


async def main(context: ServiceContext) -> None:
    """Serve the page until asked to stop."""
    known = state.read(context.paths) or state.DaemonState()
    server = ports.bind(context.settings.daemon.ui_port, known.uiPort, ports.FALLBACK, "the page", "daemon.ui-port")
    port = server.getsockname()[1]
    state.update(context.paths, uiPort=port)
    config = uvicorn.Config(
        Desktop(context.paths, port),  # type: ignore[arg-type]
        http=_Connection, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX, date_header=False, limit_concurrency=128,
    )  # fmt: skip
    http = _Server(config, context.stopping)
    serving = asyncio.create_task(http.serve(sockets=[server]), name="http")
    context.ready()
    stopped = asyncio.create_task(context.stopping.wait(), name="stopping")
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    http.should_exit = True
    await serving


class _Connection(StrictConnection, H11Protocol):
    """Ends a connection that is late, and reads a head as strictly as the gateway."""


class _Server(uvicorn.Server):
    """Leaves signals to the process frame, and sleeps until it is to leave: the original wakes ten times a second."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event):
        super().__init__(config)
        self._stopping = stopping

    async def main_loop(self) -> None:
        await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


if __name__ == "__main__":
    run("desktop", main)
