"""The time of a start: from spawning `opta up` to the first response, and to ready."""

import asyncio
import subprocess
import time

from figure import Figure, percentile
from support.daemon import OPTA, Daemon

STARTS, LOOK_EVERY_S, READY_S = 4, 0.01, 60.0


def repeated(daemon: Daemon) -> list[Figure]:
    """Several starts of one home. The daemon runs before and after."""
    times = [asyncio.run(_start_again(daemon)) for _ in range(STARTS)]
    answering, ready, returned = ([found[at] for found in times] for at in range(3))
    return [
        _figure("spawn -> gateway responds to /healthz", answering, 0.5),
        _figure("spawn -> /readyz reports ready", ready, 1.5),
        _figure("spawn -> `opta up --detach` returns", returned, None),
    ]


async def once(daemon: Daemon, name: str) -> Figure:
    """One start of a home, until it is ready."""
    _, ready, _ = await _start_again(daemon)
    return Figure(f"spawn -> ready, {name}", ready, "s")


async def _start_again(daemon: Daemon) -> tuple[float, float, float]:
    port = daemon.port  # a home keeps its port
    daemon.down()
    command = [str(OPTA), "up", "--no-open", "--detach", "--only", daemon.only]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=daemon.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    answering = await _until(port, "/healthz", started)
    ready = await _until(port, "/readyz", started)
    while process.poll() is None:  # noqa: ASYNC110 - a process of this bench, watched without its loop
        await asyncio.sleep(LOOK_EVERY_S / 2)
    assert process.returncode == 0, daemon.logs()
    return answering, ready, time.perf_counter() - started


async def _until(port: int, path: str, started: float) -> float:
    while time.perf_counter() - started < READY_S:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            status = await reader.readline()
            writer.close()
            if b" 200 " in status:
                return time.perf_counter() - started
        except OSError:
            pass
        await asyncio.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"{path} did not answer 200 within {READY_S:g} s")


def _figure(name: str, took: list[float], bar: float | None) -> Figure:
    return Figure(name, percentile(took, 0.5), "s", bar, note=f"p50 of {len(took)}: " + ", ".join(f"{value:.2f}" for value in took))
