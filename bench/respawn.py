"""Time from kill -9 until a process is running again, the gateway serves a WebSocket, and a client receives the next token."""

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path

from figure import Figure, percentile
from gateway_client import GatewayClient
from scripted import Scripted
from support.daemon import Daemon

SERVICES, ROUNDS = ("agent", "tools", "sessions", "gateway"), 3
# Time for the previous process to become ready, and longer than the window of the crash-loop delay.
PAUSE_S = 2.5
# The answer is still streaming long after the store has restarted.
KILLS, RATE, PIECES, KILL_AFTER = 5, 100, 300, 60


def figures(daemon: Daemon) -> list[Figure]:
    """Kill every service several times."""
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
            "kill -9 -> the next process is running",
            max(respawns),
            "ms",
            150,
            note=f"worst of {len(respawns)}; p50 {percentile(respawns, 0.5):.0f} ms",
        ),
        Figure("kill -9 of the gateway -> it answers a WebSocket", max(answers), "ms", 500, note=f"worst of {len(answers)}"),
    ]


async def silences(daemon: Daemon, server: Scripted) -> list[Figure]:
    """The longest pause between two tokens at 100 tokens/s when the store is killed between them."""
    longest: list[float] = []
    async with GatewayClient(daemon) as gateway:
        for _ in range(KILLS):
            sid = await gateway.session(daemon)
            async with gateway.stream(sid) as socket:
                asked = asyncio.create_task(gateway.turn(socket, sid, f"say {PIECES} {RATE}"))
                await asyncio.sleep(KILL_AFTER / RATE)
                await asyncio.to_thread(daemon.kill, "sessions")
                seen = await asked
            server.take()
            arrivals = [at for at, _ in seen.characters()]
            longest.append(1000 * max(after - before for before, after in itertools.pairwise(arrivals)))
            await asyncio.sleep(PAUSE_S)
    note = f"worst of {len(longest)}; p50 {percentile(longest, 0.5):.0f} ms; the answer goes on for {(PIECES - KILL_AFTER) / RATE:.1f} s"
    return [Figure("kill -9 of the store at 100 tok/s -> the next token", max(longest), "ms", 500, note=note)]


def _is_there(supervisord: int, service: str, before: int) -> bool:
    # Only supervisord's children: searching all of /proc takes as long as what is measured.
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
            async with GatewayClient(daemon) as gateway, gateway.stream_of_all() as socket:
                await socket.recv()
                return
        except Exception:
            await asyncio.sleep(0.005)
