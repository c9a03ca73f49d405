"""LMX: `python -m opta_lmx [--model-path FOLDER]`."""

import argparse
import asyncio
import ipaddress
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

from opta_core.lmx_settings import LmxSettings
from opta_core.logs import Log
from opta_core.process import ports, state
from opta_core.process.process import ServiceContext, memory_total, run
from opta_http.uvicorn_server import HttpServer, config_of

from .models import model_catalog
from .models.download.pulls import Pulls
from .models.engine_pool import EnginePool
from .models.found.sources import VARIABLES, sources_of
from .models.model_events import ModelEvents
from .server import certificate, status_page
from .server.admin import Admin
from .server.app import Front
from .server.auth import AccessControl
from .server.connections import LmxConnection
from .server.discovery import Advertisement, local_addresses
from .server.keys import Keys
from .server.metrics import LmxMetrics
from .server.pairing import Pairing

TICK_S = 0.5

log = Log("lmx")


async def main(context: ServiceContext) -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(prog="opta_lmx")
    parser.add_argument("--model-path", type=Path, help="a model folder to serve by default; requests never name a folder")
    arguments = parser.parse_args()
    settings = context.settings.lmx
    known = state.read(context.paths) or state.DaemonState()
    listener = ports.bind(settings.port, known.lmxPort, ports.FALLBACK, "LMX", "lmx.port", settings.bind)
    port = listener.getsockname()[1]
    is_loopback = ipaddress.ip_address(settings.bind).is_loopback
    tls, fingerprint = (None, "") if is_loopback else certificate.context_of(context.paths.lmx)
    state.update(context.paths, lmxPort=port)
    keys, events = Keys(context.paths.lmx), ModelEvents()
    keys.admin_key()
    extra = model_catalog.read(arguments.model_path) if arguments.model_path else None
    sources = sources_of(settings, os.environ)
    # Read once; no library of an engine or of a download acts on them.
    for name in VARIABLES:
        os.environ.pop(name, None)
    pool = EnginePool(context.paths.models, settings, events, extra, sources=sources, presets=context.settings.models)
    pulls = Pulls(context.paths.models, settings.hub, events)
    metrics = LmxMetrics()
    admin = Admin(pool, pulls, events, Pairing(keys, fingerprint), keys, metrics)
    guard = AccessControl(
        _hosts(settings, port), keys, allows_anonymous=is_loopback, origins=settings.origins, open_paths=status_page.PATHS
    )
    front = Front(pool, guard, metrics, admin)
    context.figures = lambda: figures(front, pool)
    advertisement = Advertisement(port, settings.bind, fingerprint) if settings.offer and not is_loopback else None
    # Set once the requests in progress have ended.
    leave = asyncio.Event()
    serving = asyncio.create_task(_http(front, tls, leave).serve(sockets=[listener]), name="http")
    advertising = asyncio.create_task(advertisement.begin(), name="advertisement") if advertisement else None
    loading = asyncio.create_task(_load_first(pool, settings), name="first models")
    stopped = asyncio.create_task(context.stopping.wait(), name="stopping")
    while not stopped.done() and not serving.done():
        await pool.tick()
        _report(context, pool)
        await asyncio.wait({serving, stopped}, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
    front.is_draining = True
    await _drain(pool, settings.drain_s)
    leave.set()
    loading.cancel()
    if advertisement and advertising:
        await asyncio.gather(advertising, advertisement.end(), return_exceptions=True)
    await pulls.stop()
    await pool.stop()
    await asyncio.gather(loading, return_exceptions=True)
    await serving


async def _load_first(pool: EnginePool, settings: LmxSettings) -> None:
    """Load the default model, then the pinned ones."""
    for name in dict.fromkeys([pool.default, *settings.pinned]):
        try:
            await pool.load(name, pin=name in settings.pinned)
        except Exception as error:  # one model that cannot be loaded must not keep the others from loading
            log.error("model not loaded", model=name, reason=error)


async def _drain(pool: EnginePool, seconds: float) -> None:
    """Wait until running requests have ended, at most the given seconds."""
    until = time.monotonic() + seconds
    while pool.running and time.monotonic() < until:  # noqa: ASYNC110 - engines have no event for the last sequence
        await asyncio.sleep(0.05)


def _report(context: ServiceContext, pool: EnginePool) -> None:
    first = pool.engines.get(pool.default)
    if first is not None and first.problem:
        context.degraded(first.problem)
    elif not context.is_ready:
        context.ready()


def figures(front: Front, pool: EnginePool) -> dict[str, Any]:
    """The figures that LMX sends as telemetry. Memory in bytes."""
    first = pool.engines.get(pool.default)
    return {
        "tokensPerSec": front.metrics.tokens_per_s(),
        "memoryUsed": pool.used,
        "memoryTotal": memory_total(),
        "memoryLimit": pool.limit,
        "loaded": [engine.name for engine in pool.engines.values() if engine.loaded],
        "running": pool.running,
        "waiting": sum(engine.waiting for engine in pool.engines.values()),
        "cachedTokens": front.metrics.total("cached"),
        "promptTokens": front.metrics.total("prompt"),
        "enginePid": first.pid if first else 0,
    }


def _hosts(settings: LmxSettings, port: int) -> set[str]:
    """The Host headers that LMX answers to."""
    names = {"127.0.0.1", "localhost"}
    if not ipaddress.ip_address(settings.bind).is_loopback:
        host = socket.gethostname().lower()
        names |= {settings.bind, host, f"{host.partition('.')[0]}.local", *local_addresses()}
    given = {name.lower() for name in settings.hosts}
    return {f"{name}:{port}" for name in names | given} | {name for name in given if ":" in name}


def _http(front: Front, tls: ssl.SSLContext | None, leave: asyncio.Event) -> HttpServer:
    # The time to close is longer than an engine has to end, so that its clients are answered.
    config = config_of(front, LmxConnection, timeout_graceful_shutdown=3, backlog=512)
    config.load()
    config.ssl = tls
    return HttpServer(config, leave)


if __name__ == "__main__":
    run("lmx", main)
