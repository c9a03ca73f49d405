"""Writes into sessions with a running turn that a process was lost and is back: marks at which the turn may have left its course.

The session store does the same for the agent. What is watched here is noticed by the telemetry of the processes: another boot, or silence.
"""

from collections.abc import Callable

from opta_core.background import Background
from opta_core.bus.store_client import StoreClient
from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_protocol.events import Event, ServiceBack, ServiceLost
from opta_protocol.service_telemetry import Telemetry

# The agent is the store's to watch; the page's server has no part in a turn.
WATCHED = ("sessions", "tools", "lmx")
# A process reports every two seconds; on a busy machine later.
SILENT_S = 10.0
SESSIONS_MAX = 200

log = Log("gateway")


class ServiceWatch:
    """`emit` stores an event. It needs no timer: the reports of the other processes are frequent enough. `clock` gives seconds."""

    def __init__(self, store: StoreClient, emit: Callable[[Event], object], clock: Callable[[], float] = now_s):
        self._store, self._emit, self._clock = store, emit, clock
        # Service -> (its boot, when it reported last); and since when it is lost.
        self._known: dict[str, tuple[str, float]] = {}
        self._lost: dict[str, float] = {}
        self._writing = Background()

    def take(self, report: Telemetry) -> None:
        """A report of any process."""
        now = self._clock()
        if report.service in WATCHED:
            boot, at = self._known.get(report.service, (report.boot, now))
            self._known[report.service] = report.boot, now
            lost_at = self._lost.pop(report.service, 0.0)
            if boot != report.boot and not lost_at:
                self._note(report.service, "it ended and was started again", round((now - at) * 1000))
            elif lost_at:
                self._note(report.service, "", round((now - lost_at) * 1000))
        for service, (_, at) in self._known.items():
            if now - at > SILENT_S and service not in self._lost:
                self._lost[service] = at
                self._note(service, "silent", None)

    def say_back(self) -> None:
        """This gateway was started again while turns ran: their clients had to connect anew."""
        self._note("gateway", "", 0)

    async def close(self) -> None:
        """Give up what is not stored yet."""
        await self._writing.close()

    def _note(self, service: str, reason: str, stall_ms: int | None) -> None:
        self._writing.start(self._mark(service, reason, stall_ms), f"mark of {service}")

    async def _mark(self, service: str, reason: str, stall_ms: int | None) -> None:
        """Write that a service was lost, for a `reason`, and that it is back, unless `stall_ms` is None."""
        try:
            running = (await self._store.sessions(state="running", limit=SESSIONS_MAX)).sessions
        except OptaError as error:
            log.warning("a lost process is not marked", lost=service, reason=error.message)
            return
        for session in running:
            if reason:
                self._emit(ServiceLost(sid=session.id, turn=session.activeTurn, service=service, reason=reason))
            if stall_ms is not None:
                self._emit(ServiceBack(sid=session.id, turn=session.activeTurn, service=service, stall_ms=stall_ms))
