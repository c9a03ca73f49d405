"""The desktop process: `python -m opta_desktop`."""

import asyncio

from opta_core.process import ports, state
from opta_core.process.process import ServiceContext, run
from opta_core.secrets.vault import Vault
from opta_http.head_checks import HEADER_BYTES_MAX
from opta_http.strict_connection import StrictConnection
from opta_http.uvicorn_server import HttpServer, config_of

from .server import Desktop
from .window_codes import WindowCodes

CONNECTIONS_MAX = 128


async def main(context: ServiceContext) -> None:
    """Serve the page until asked to stop."""
    known = state.read(context.paths) or state.DaemonState()
    server = ports.bind(context.settings.daemon.ui_port, known.uiPort, ports.FALLBACK, "the page", "daemon.ui-port")
    port = server.getsockname()[1]
    state.update(context.paths, uiPort=port)
    vault = Vault(context.paths, allows_file=context.settings.vault_file)
    config = config_of(
        Desktop(context.paths, port, WindowCodes(context.paths, vault, port)),
        StrictConnection,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    serving = asyncio.create_task(HttpServer(config, context.stopping).serve(sockets=[server]), name="http")
    context.ready()
    await serving


if __name__ == "__main__":
    run("desktop", main)
