"""The gateway: `python -m opta_gateway`."""

import asyncio
import contextlib
import os
from collections.abc import Generator

import uvicorn

from opta_core.clock import utc_now
from opta_core.process import ports, state
from opta_core.process.process import ServiceContext, run
from opta_core.strict_connection import HEADER_BYTES_MAX
from opta_core.version import VERSION

from .app import Gateway
from .auth import Auth
from .backend import Backend
from .connections import HttpConnection, WebSocketConnection
from .guard import App, Guard

MESSAGE_BYTES_MAX = 1024 * 1024
CONNECTIONS_MAX = 512


async def main(context: ServiceContext) -> None:
    """Serve until asked to stop."""
    known = state.read(context.paths) or state.DaemonState()
    server = ports.bind(context.settings.daemon.port, known.port, ports.FALLBACK, "the daemon", "daemon.port")
    port = server.getsockname()[1]
    auth = Auth()
    backend = Backend(context.bus, context.boot)
    gateway = Gateway(backend, auth, context.loaded, port)

    def origins() -> set[str]:
        now = state.read(context.paths)
        ui_port = now.uiPort if now and now.uiPort else context.settings.daemon.ui_port
        return {f"http://127.0.0.1:{ui_port}"}

    auth.write(context.paths)
    state.update(
        context.paths,
        pid=os.getpid(),
        port=port,
        host=ports.HOST,
        startedAt=utc_now(),
        daemonId=gateway.daemon_id,
        version=VERSION,
        run=str(context.paths.run),
    )
    config = uvicorn.Config(
        Guard(gateway, auth, port, origins),  # type: ignore[arg-type]
        http=HttpConnection,
        ws=WebSocketConnection,
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=30,
    )
    uvicorn_server = _Server(config, context.stopping)
    serving = asyncio.create_task(uvicorn_server.serve(sockets=[server]), name="http")
    context.ready()
    gateway.mount(await asyncio.to_thread(_load_rest, gateway))
    stopped = asyncio.create_task(context.stopping.wait(), name="stopping")
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    backend.close()
    uvicorn_server.should_exit = True
    await serving
    await backend.outbox.drained(1)


def _load_rest(gateway: Gateway) -> App:
    # FastAPI's import takes half a second, so it happens beside the first answers.
    from .rest import build

    return build(gateway)  # type: ignore[return-value]


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
    run("gateway", main)
