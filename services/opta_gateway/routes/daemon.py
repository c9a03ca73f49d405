"""The daemon itself: its processes, their control and logs, figures, and tickets for WebSockets."""

import asyncio
import os
from pathlib import Path
from typing import Any

from fastapi import BackgroundTasks

from opta_core.errors import OptaError, Refused
from opta_core.log_files import LEVELS, LogFiles
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.process.restarts import restarts
from opta_core.process.supervision import PROGRAMS, SupervisordClient
from opta_core.version import VERSION
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Empty, Ok, Ticket
from opta_protocol.http_daemon import Daemon, Metrics, ServiceState
from opta_protocol.http_lists import LogLines

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, body, number, text
from ..token_auth import TICKET_S

LOG_BYTES, LOG_LINES_MAX = 256 * 1024, 5000
ACTIONS = ("start", "stop", "restart")

routes = TypedRouter()
log = Log("gateway")


@routes.get("/v3/daemon")
async def get_daemon(gateway: GatewayOf) -> Daemon:
    """Every process: state, pid, uptime, restarts, memory."""
    paths = gateway.loaded.paths
    known, processes, restarted = await asyncio.to_thread(_look, paths)
    return Daemon(
        services=[_service_state(gateway, process, restarted[process["name"]]) for process in processes],
        pid=os.getppid(),
        port=gateway.port,
        uiPort=known.uiPort,
        lmxPort=known.lmxPort,
        daemonId=gateway.daemon_id,
        version=VERSION,
        startedAt=known.startedAt,
        sandbox=gateway.telemetry.sandbox,
        home=str(paths.home),
    )


@routes.post("/v3/daemon/services/{name}/{action}", status_code=202)
async def control_service(gateway: GatewayOf, background: BackgroundTasks, name: str, action: str) -> Ok:
    """Start, stop or restart one process. Restarting the gateway ends this connection after the answer."""
    _check_service(name)
    if action not in ACTIONS:
        raise Refused(f"{action[:40]!r} is not start, stop or restart.", code=ErrorCode.not_found)
    supervisor = SupervisordClient(gateway.loaded.paths.run)
    if name == "gateway" and action != "start":
        background.add_task(_end_this_process, supervisor, action)
    else:
        await asyncio.to_thread(getattr(supervisor, action), name)
    return Ok()


@routes.get("/v3/daemon/logs")
async def get_logs(
    gateway: GatewayOf, service: str = text("service"), limit: int = number("limit", 200, LOG_LINES_MAX), level: str = text("level")
) -> LogLines:
    """The last lines of one process's log, or of all; with `level`, those of that level and graver ones."""
    if service:
        _check_service(service)
    if level and level.upper() not in LEVELS:
        raise Refused(f"{level[:40]!r} is no level. The levels are {', '.join(LEVELS)}.", code=ErrorCode.invalid)
    names = [service] if service else list(PROGRAMS)
    lines = await asyncio.to_thread(_log_lines, gateway.loaded.paths.logs, names, level.upper())
    return LogLines(lines=lines[-max(1, limit) :])


@routes.get("/v3/metrics")
async def get_metrics(gateway: GatewayOf) -> Metrics:
    """Figures for people and panels. Memory in bytes."""
    return await gateway.measure()


@routes.post("/v3/ws-ticket")
async def new_ticket(gateway: GatewayOf, _: Empty = body(Empty)) -> Ticket:
    """A one-time ticket for `?ticket=`."""
    return Ticket(ticket=gateway.auth.new_ticket(), expiresInS=TICKET_S)


async def _end_this_process(supervisor: SupervisordClient, action: str) -> None:
    """Runs as a part of the request, after its answer was sent."""
    try:
        if action == "stop":
            await asyncio.to_thread(supervisor.stop, "gateway", waits=False)
        else:
            await asyncio.to_thread(supervisor.restart, "gateway")
    except OptaError as error:
        log.error("gateway not ended", action=action, reason=error.message)


def _check_service(name: str) -> None:
    if name not in PROGRAMS:
        raise Refused(f"There is no service {name[:40]!r}. The services are {', '.join(PROGRAMS)}.", code=ErrorCode.not_found)


def _look(paths: Paths) -> tuple[state.DaemonState, list[dict[str, Any]], dict[str, int]]:
    """(the daemon's state, supervisord's processes, restarts of each process); blocking."""
    processes = SupervisordClient(paths.run).processes()
    found = {process["name"]: restarts(paths.run, process["name"]) for process in processes}
    return state.read(paths) or state.DaemonState(), processes, found


def _service_state(gateway: Gateway, process: dict[str, Any], restarted: int) -> ServiceState:
    name = process["name"]
    report = gateway.telemetry.report(name)
    is_running = process["statename"] == "RUNNING"
    return ServiceState(
        name=name,
        state=process["statename"].lower(),
        pid=process["pid"],
        uptime=round(process["now"] - process["start"], 1) if is_running else 0.0,
        restarts=restarted,
        ready=bool(is_running and report and report.ready and report.pid == process["pid"]),
        memory=report.memory if report else 0,
        reason=report.reason if report else "" if is_running else "stopped",
    )


def _log_lines(logs: Path, names: list[str], level: str) -> list[str]:
    """The last lines of these logs in the order of their times."""
    entries = LogFiles(logs, names).newest(LOG_BYTES)
    return [line for entry in entries if not level or entry.is_at_least(level) for line in entry.text.splitlines()]
