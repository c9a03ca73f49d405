"""Metrics for people and panels: measured on request, and pushed on the stream of all sessions to clients that ask for them.

All clients share one measurement a second, and nothing is measured while nobody asks.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_protocol.http_daemon import Health, Metrics
from opta_protocol.topics import SERVICES

from .live_streams import LiveStreams
from .store_access import StoreAccess
from .telemetry import TelemetryReports

PERIOD_S = 1.0


async def measure(store: StoreAccess, telemetry: TelemetryReports, streams: LiveStreams, remote_lmx: dict[str, Any]) -> Metrics:
    """The metrics of now. `remote_lmx`: figures of LMX on another machine, empty for LMX of this home. Raises Unavailable when the store does not answer."""
    page = await store.queries.sessions(limit=1000)
    tools = telemetry.figures("tools")
    running = int(telemetry.figures("agent").get("running", 0))
    return Metrics(
        sessions=len(page.sessions),
        turnsRunning=running,
        turnsQueued=sum(session.state == "running" for session in page.sessions) - running,
        tokensPerSec=store.token_rate.per_s(),
        tools={"active": tools.get("active", 0), "max": tools.get("max", 8), "queued": tools.get("queued", 0)},
        lmx=remote_lmx or telemetry.figures("lmx"),
        memory={service: report.memory for service in SERVICES if (report := telemetry.report(service))},
        streams=len(streams.senders),
    )


class LiveMetrics:
    """The control line `metrics`: `{"control":"metrics","metrics":…,"health":…}`; `metrics` is null while the store does not answer."""

    def __init__(self, measure: Callable[[], Awaitable[Metrics]], health: Callable[[], Health]):
        self._measure, self._health = measure, health
        self._line = b""
        self._measured_s = -PERIOD_S
        self._measuring = asyncio.Lock()

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """A line at once, then one each second."""
        while True:
            yield await self._current()
            await asyncio.sleep(PERIOD_S)

    async def _current(self) -> bytes:
        async with self._measuring:
            # Half a period, so that a client whose second ends a little early gets a new line.
            if now_s() - self._measured_s >= PERIOD_S / 2:
                try:
                    metrics = await self._measure()
                except OptaError:
                    metrics = None
                self._line = msgspec.json.encode({"control": "metrics", "metrics": metrics, "health": self._health()})
                self._measured_s = now_s()
        return self._line
