"""LMX: `python -m opta_lmx [--model-path FOLDER]`."""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import uvicorn

from opta_core import ports, state
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.process import Frame, memory_bytes, run

from . import library
from .app import Front
from .connections import HttpConnection
from .engines import Engine

log = Log("lmx")


async def main(frame: Frame) -> None:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(prog="opta_lmx")
    parser.add_argument("--model-path", type=Path, help="a model folder; requests never name one")
    arguments = parser.parse_args()
    known = state.read(frame.paths) or state.DaemonState()
    server = ports.bind(frame.settings.lmx.port, known.lmxPort, ports.FALLBACK, "LMX", "lmx.port")
    port = server.getsockname()[1]
    state.update(frame.paths, lmxPort=port)
    name = frame.settings.lmx.model
    try:
        folder = arguments.model_path or library.folder_of(name, frame.paths.models)
    except OptaError as error:
        log.error("configured model not found, serving the probe", reason=error.message)
        name, folder = "probe", library.PROBE
    engine = Engine(frame.bus, frame.paths.run, folder.name if arguments.model_path else name, folder)
    front = Front(engine, port, set())
    frame.figures = lambda: figures(front, engine)
    config = uvicorn.Config(
        front,  # type: ignore[arg-type]
        http=HttpConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=2,
        limit_concurrency=512,
        backlog=512,
    )
    http = _Server(config, frame.stopping)
    serving = asyncio.create_task(http.serve(sockets=[server]), name="http")
    engine.start()
    stopped = asyncio.create_task(frame.stopping.wait(), name="stopping")
    while not stopped.done() and not serving.done():
        if engine.problem:
            frame.degraded(engine.problem)
        else:
            engine.ask()
            if not frame.is_ready:
                frame.ready()
        await asyncio.wait({serving, stopped}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
    http.should_exit = True
    await serving
    await engine.stop()


def figures(front: Front, engine: Engine) -> dict[str, Any]:
    """For telemetry."""
    used = memory_bytes() + (memory_bytes(engine.pid) if engine.pid else 0)
    return {
        "tokensPerSec": front.metrics.tokens_per_s(),
        "memoryUsed": used,
        "memoryTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "loaded": [engine.name] if engine.loaded else [],
        "running": engine.running,
        "enginePid": engine.pid,
    }


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
    run("lmx", main)
