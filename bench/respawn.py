"""How long after its kill -9 a process is there again, and the gateway answers a WebSocket."""

import asyncio
import os
import signal
import time

import processes
from door import Door
from figure import Figure, percentile
from support.daemon import Daemon

SERVICES, ROUNDS = ("agent", "tools", "sessions", "gateway"), 3
# Slower than the brake against crash loops.
PAUSE_S = 8.0


def figures(daemon: Daemon) -> list[Figure]:
    """Every service some times."""
    respawns: list[float] = []
    answers: list[float] = []
    for _ in range(ROUNDS):
        for service in SERVICES:
            before = daemon.pids()[service]
            started = time.perf_counter()
            os.kill(before, signal.SIGKILL)
            while service not in {name for pid, name in processes.of(daemon).items() if pid != before}:
                time.sleep(0.001)
            respawns.append(1000 * (time.perf_counter() - started))
            if service == "gateway":
                asyncio.run(_until_streams(daemon))
                answers.append(1000 * (time.perf_counter() - started))
        time.sleep(PAUSE_S)
    return [
        Figure(
            "kill -9 -> the next process is there",
            max(respawns),
            "ms",
            150,
            note=f"worst of {len(respawns)}; p50 {percentile(respawns, 0.5):.0f} ms",
        ),
        Figure("kill -9 of the gateway -> it answers a WebSocket", max(answers), "ms", 500, note=f"worst of {len(answers)}"),
    ]


async def _until_streams(daemon: Daemon) -> None:
    while True:
        try:
            async with Door(daemon) as door, door.stream_of_all() as socket:
                await socket.recv()
                return
        except Exception:
            await asyncio.sleep(0.005)
