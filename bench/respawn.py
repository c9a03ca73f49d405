"""How long after its kill -9 a process is there again, and the gateway answers a WebSocket."""

import asyncio
import os
import signal
import time
from pathlib import Path

from door import Door
from figure import Figure, percentile
from support.daemon import Daemon

SERVICES, ROUNDS = ("agent", "tools", "sessions", "gateway"), 3
# Until the one before does its work, and slower than the brake against crash loops.
PAUSE_S = 2.5


def figures(daemon: Daemon) -> list[Figure]:
    """Every service some times."""
    respawns: list[float] = []
    answers: list[float] = []
    supervisord = daemon.supervisor().pid()
    for _ in range(ROUNDS):
        for service in SERVICES:
            before = daemon.pids()[service]
            started = time.perf_counter()
            os.kill(before, signal.SIGKILL)
            while not _is_there(supervisord, service, before):
                time.sleep(0.002)
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


def _is_there(supervisord: int, service: str, before: int) -> bool:
    # Looked for among supervisord's children alone: searching all of /proc takes the time that is measured.
    children = Path(f"/proc/{supervisord}/task/{supervisord}/children").read_text().split()
    return any(pid != str(before) and f"opta_{service}".encode() in _command(pid) for pid in children)


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def _until_streams(daemon: Daemon) -> None:
    while True:
        try:
            async with Door(daemon) as door, door.stream_of_all() as socket:
                await socket.recv()
                return
        except Exception:
            await asyncio.sleep(0.005)
