"""The daemon itself: its processes, their control, figures, and tickets for WebSockets."""

import asyncio
import os
from typing import Literal

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.process import state
from opta_core.process.supervision import PROGRAMS, Supervisor
from opta_core.version import VERSION
from opta_protocol.errors import ErrorCode
from opta_protocol.http import Daemon, Empty, Metrics, Ok, ServiceState, Ticket
from opta_protocol.topics import SERVICES

from ..auth import TICKET_S
from ..rest import answer, describes, gateway_of, read_body
from .sessions import read_number

LOG_BYTES = 256 * 1024

router = APIRouter()


@router.get("/v3/daemon", openapi_extra=describes(Daemon))
async def get_daemon(request: Request) -> Response:
    """Every process: state, pid, uptime, restarts, memory."""
    gateway = gateway_of(request)
    paths = gateway.loaded.paths
    known = state.read(paths) or state.DaemonState()
    found: list[ServiceState] = []
    for process in await asyncio.to_thread(Supervisor(paths.run).processes):
        report = gateway.backend.report(process["name"])
        is_running = process["statename"] == "RUNNING"
        found.append(
            ServiceState(
                name=process["name"],
                state=process["statename"].lower(),
                pid=process["pid"],
                uptime=round(process["now"] - process["start"], 1) if is_running else 0.0,
                restarts=_restarts(paths.run / f"{process['name']}.starts"),
                ready=bool(is_running and report and report.ready and report.pid == process["pid"]),
                memory=report.memory if report else 0,
                reason=report.reason if report else "" if is_running else "stopped",
            )
        )
    return answer(
        Daemon(
            services=found,
            pid=os.getppid(),
            port=gateway.port,
            uiPort=known.uiPort,
            lmxPort=known.lmxPort,
            daemonId=gateway.daemon_id,
            version=VERSION,
            startedAt=known.startedAt,
            sandbox=str(gateway.backend.figures("tools").get("sandbox", "none")),
            home=str(paths.home),
        )  # fmt: skip
    )


@router.post("/v3/daemon/services/{name}/{action}", openapi_extra=describes(Ok, None, 202), status_code=202)
async def control_service(request: Request, name: str, action: Literal["start", "stop", "restart"] | str) -> Response:
    """Start, stop or restart one process. Restarting the gateway ends this connection after the answer."""
    if name not in PROGRAMS:
        raise Refused(f"There is no service {name[:40]!r}. The services are {', '.join(PROGRAMS)}.", code=ErrorCode.not_found)
    if action not in ("start", "stop", "restart"):
        raise Refused(f"{action[:40]!r} is not start, stop or restart.", code=ErrorCode.not_found)
    supervisor = Supervisor(gateway_of(request).loaded.paths.run)
    if name == "gateway" and action != "start":
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(asyncio.to_thread(getattr(supervisor, action), name)))
    else:
        await asyncio.to_thread(getattr(supervisor, action), name)
    return answer(Ok(), 202)


@router.get("/v3/daemon/logs")
async def get_logs(request: Request) -> Response:
    """The last lines of one process's log, or of all."""
    service = request.query_params.get("service", "")
    if service and service not in PROGRAMS:
        raise Refused(f"There is no service {service[:40]!r}. The services are {', '.join(PROGRAMS)}.", code=ErrorCode.not_found)
    limit = read_number(request.query_params.get("limit", "200"), "limit", 5000)
    level = request.query_params.get("level", "").upper()
    logs = gateway_of(request).loaded.paths.logs
    lines: list[str] = []
    for name in [service] if service else PROGRAMS:
        file = logs / f"{name}.log"
        if file.exists():
            with open(file, "rb") as handle:
                handle.seek(max(0, file.stat().st_size - LOG_BYTES))
                lines += [line for line in handle.read().decode(errors="replace").splitlines() if not level or f" {level} " in line[:24]]
    return answer({"lines": sorted(lines, key=lambda line: line[:12])[-max(1, limit) :]})


@router.get("/v3/metrics", openapi_extra=describes(Metrics))
async def get_metrics(request: Request) -> Response:
    """Figures for people and panels."""
    backend = gateway_of(request).backend
    page = await backend.store.sessions(limit=1000)
    tools = backend.figures("tools")
    return answer(
        Metrics(
            sessions=len(page.sessions),
            turnsRunning=int(backend.figures("agent").get("running", 0)),
            turnsQueued=sum(session.state == "running" for session in page.sessions) - int(backend.figures("agent").get("running", 0)),
            tokensPerSec=backend.tokens_per_s(),
            tools={"active": tools.get("active", 0), "max": tools.get("max", 8), "queued": tools.get("queued", 0)},
            lmx=backend.figures("lmx"),
            memory={service: report.memory for service in SERVICES if (report := backend.report(service))},
            streams=len(backend.senders),
        )
    )


@router.post("/v3/ws-ticket", openapi_extra=describes(Ticket))
async def new_ticket(request: Request) -> Response:
    """A one-time ticket for `?ticket=`."""
    await read_body(request, Empty)
    return answer(Ticket(ticket=gateway_of(request).auth.new_ticket(), expiresInS=TICKET_S))


def _restarts(file: "os.PathLike[str]") -> int:
    try:
        with open(file, "rb") as handle:
            return max(0, len(msgspec.json.decode(handle.read())) - 1)
    except (OSError, msgspec.DecodeError):
        return 0
