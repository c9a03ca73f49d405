"""What the daemon's processes report about themselves, and the rate of tokens that passes the gateway."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.clock import now_s
from opta_protocol.service_telemetry import Telemetry
from opta_protocol.topics import DAEMON_SERVICES, SERVICES, telemetry

# A process whose last report is older than this does not count as ready.
STALE_S = 4.5
RATE_WINDOW_S = 2.0

_telemetry = msgspec.json.Decoder(Telemetry)


class TelemetryReports:
    """The last report of every process."""

    def __init__(self, bus: Bus):
        self._reports: dict[str, tuple[float, Telemetry]] = {}
        # Called with every report.
        self.on_report: Callable[[Telemetry], None] | None = None
        for service in SERVICES:
            # LMX and the page's server run on other machines or not at all.
            may_be_absent = service not in DAEMON_SERVICES
            bus.subscribe(telemetry(service), [service.encode()], self._on_telemetry, may_be_absent=may_be_absent)

    def report(self, service: str) -> Telemetry | None:
        """A process's last report, if it is recent."""
        at, report = self._reports.get(service, (0.0, None))
        return report if report and now_s() - at < STALE_S else None

    def figures(self, service: str) -> dict[str, Any]:
        """A process's own figures; empty without a recent report."""
        report = self.report(service)
        return report.figures if report else {}

    @property
    def sandbox(self) -> str:
        """The tool worker's sandbox: full, seatbelt, landlock or none."""
        return str(self.figures("tools").get("sandbox", "none"))

    def not_ready(self) -> dict[str, str]:
        """The daemon's services that are not ready, with the reason."""
        reasons: dict[str, str] = {}
        for service in DAEMON_SERVICES:
            report = self.report(service)
            if report is None:
                reasons[service] = "not running"
            elif not report.ready:
                reasons[service] = report.reason
        return reasons

    def _on_telemetry(self, frames: Frames) -> None:
        report = _telemetry.decode(frames[1])
        self._reports[report.service] = (now_s(), report)
        if self.on_report is not None:
            self.on_report(report)


class TokenRate:
    """Counts the tokens of all sessions over the last two seconds."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, lines: list[bytes]) -> None:
        """Count the tokens among published lines."""
        if tokens := sum(b'"event":"turn.token"' in line[:60] for line in lines):
            self._forget_old(now_s())
            self._counts.append((now_s(), tokens))

    def per_s(self) -> float:
        """Tokens a second."""
        self._forget_old(now_s())
        return round(sum(count for _, count in self._counts) / RATE_WINDOW_S, 1)

    def _forget_old(self, now: float) -> None:
        while self._counts and now - self._counts[0][0] > RATE_WINDOW_S:
            self._counts.popleft()
