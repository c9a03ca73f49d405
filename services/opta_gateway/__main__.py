"""The gateway: `python -m opta_gateway`."""

import asyncio
import os

from opta_core.clock import utc_now
from opta_core.process import ports, state
from opta_core.process.process import ServiceContext, run
from opta_core.settings import LiveSettings
from opta_core.version import VERSION
from opta_http.asgi import App
from opta_http.head_checks import HEADER_BYTES_MAX
from opta_http.strict_connection import StrictConnection
from opta_http.uvicorn_server import HttpServer, config_of

from .app import Gateway
from .notifier import Notifier
from .page_origins import PageOrigins
from .request_guard import RequestGuard
from .service_watch import ServiceWatch
from .token_auth import Auth
from .turn_export import TurnExport
from .websocket_connection import WebSocketConnection

MESSAGE_BYTES_MAX = 1024 * 1024
CONNECTIONS_MAX = 512


async def main(context: ServiceContext) -> None:
    """Serve until asked to stop."""
    known = state.read(context.paths) or state.DaemonState()
    server = ports.bind(context.settings.daemon.port, known.port, ports.FALLBACK, "the daemon", "daemon.port")
    port = server.getsockname()[1]
    auth = Auth()
    gateway = Gateway(context.bus, context.boot, auth, context.loaded, port)

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
    config = config_of(
        RequestGuard(gateway, auth, port, PageOrigins(context.paths, context.settings.daemon.ui_port)),
        StrictConnection,
        ws=WebSocketConnection,
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        date_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=30,
    )
    live = LiveSettings(context.settings, context.paths)
    notifier = Notifier(lambda: live().notify, gateway.store.queries.session)
    export = TurnExport(context.settings.otel, gateway.store.queries.after)

    def on_lines(lines: list[bytes]) -> None:
        notifier.take(lines)
        export.take(lines)

    gateway.store.on_lines = on_lines
    watch = ServiceWatch(gateway.store.queries, gateway.store.outbox.append)
    gateway.telemetry.on_report = watch.take
    if context.incarnation > 1:
        watch.say_back()
    serving = asyncio.create_task(HttpServer(config, context.stopping).serve(sockets=[server]), name="http")
    context.ready()
    gateway.mount(await asyncio.to_thread(_load_rest, gateway))
    stopped = asyncio.create_task(context.stopping.wait(), name="stopping")
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    gateway.streams.close()
    await notifier.close()
    await watch.close()
    await gateway.background.close()
    await gateway.remote_lmx.close()
    await gateway.benches.close()
    await export.close()
    await serving
    await gateway.store.outbox.drained(1)


def _load_rest(gateway: Gateway) -> App:
    # FastAPI's import takes half a second, so it happens in a thread while the first requests are answered. The only late import.
    from .rest import build

    return build(gateway)  # type: ignore[return-value]


if __name__ == "__main__":
    run("gateway", main)
