"""The uvicorn server of Opta's processes: one listening socket, no signal handlers, no access log."""

import asyncio
import contextlib
from collections.abc import Generator
from typing import Any

import uvicorn

from .asgi import App


def config_of(app: App, connection: type[asyncio.Protocol], **options: Any) -> uvicorn.Config:
    """The configuration of a server. `connection` is its HTTP protocol class; `options` are uvicorn's, such as `limit_concurrency`.

    WebSockets are off unless `options` contains a protocol for them (`ws`).
    """
    settings: dict[str, Any] = {"ws": "none", "lifespan": "off", "access_log": False, "log_config": None, "server_header": False}
    return uvicorn.Config(app, http=connection, **(settings | options))  # type: ignore[arg-type]


class HttpServer(uvicorn.Server):
    """Serves until `leave` is set, then closes its connections (`timeout_graceful_shutdown`).

    `opta_core.process.process` handles signals. uvicorn's main loop wakes up ten times a second; this one sleeps.
    """

    def __init__(self, config: uvicorn.Config, leave: asyncio.Event):
        super().__init__(config)
        self._leave = leave

    async def main_loop(self) -> None:
        """Replaces uvicorn's loop."""
        await self._leave.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Replaces uvicorn's signal handlers."""
        yield
