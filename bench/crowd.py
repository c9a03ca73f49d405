"""Many clients at once: 32 WebSocket clients on 16 turns at 120 tokens/s each, with and without clients that never read."""

import asyncio
import time
from contextlib import AsyncExitStack

import processes
import websockets
from figure import Figure, percentile
from gateway_client import ENDINGS, GatewayClient, Seen
from scripted import PIECE, Asked, Scripted
from support.daemon import Daemon

TURNS, CLIENTS, RATE, SECONDS = 16, 2, 120, 8
STUCK = 4


async def figures(daemon: Daemon, server: Scripted) -> list[Figure]:
    """The p99 latency from token to client: once undisturbed, once beside clients that never read."""
    await _once(daemon, server, 1, 0)
    calm, used = await _once(daemon, server, SECONDS, 0)
    stuck, _ = await _once(daemon, server, SECONDS, STUCK)
    clients = f"{TURNS * CLIENTS} clients on {TURNS} turns at {RATE} tok/s"
    share = sum(used.values()) / SECONDS
    return [
        Figure(f"{clients}, token -> client, p99", percentile(calm, 0.99), "ms", 50, note=_spread(calm)),
        Figure(
            f"the same beside {STUCK} clients that never read, p99",
            percentile(stuck, 0.99),
            "ms",
            50,
            note=f"{_spread(stuck)}; {percentile(stuck, 0.5) / percentile(calm, 0.5):.2f} times the median without them",
        ),
        Figure(f"{clients}, cores used by all processes", share, "", note=processes.split(used, f"s in {SECONDS} s")),
    ]


def _spread(delays: list[float]) -> str:
    return f"p50 {percentile(delays, 0.5):.1f}, p95 {percentile(delays, 0.95):.1f}, worst {max(delays):.0f} ms of {len(delays):,}"


async def _once(daemon: Daemon, server: Scripted, seconds: float, stuck: int) -> tuple[list[float], dict[str, float]]:
    count = int(RATE * seconds)
    server.take()
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(GatewayClient(daemon)) for _ in range(TURNS)]
        sids = [await gateway.session(daemon) for gateway in gateways]
        watchers = [
            [await stack.enter_async_context(gateway.stream(sid)) for _ in range(CLIENTS)]
            for gateway, sid in zip(gateways, sids, strict=True)
        ]
        deaf = [await stack.enter_async_context(gateways[0].stream(sid)) for sid in sids[:stuck]]
        for socket in deaf:
            socket.transport.pause_reading()
        before = processes.cpu_s(daemon)
        async with asyncio.TaskGroup() as group:
            seen = [group.create_task(_watch(socket)) for sockets in watchers for socket in sockets]
            for number, (gateway, sid) in enumerate(zip(gateways, sids, strict=True)):
                # Each prompt has a different count, by which the server's times are matched to turns.
                group.create_task(gateway.ask("POST", f"/v3/sessions/{sid}/turns", {"text": f"say {count + number} {RATE}"}))
        used = processes.difference(processes.cpu_s(daemon), before)
        for socket in deaf:
            socket.transport.abort()
    asked = {len(request.sent_at): request for request in server.take()}
    delays: list[float] = []
    for at, task in enumerate(seen):
        delays += _delays(asked[count + at // CLIENTS], task.result())
    return delays, used


async def _watch(socket: websockets.ClientConnection) -> Seen:
    seen = Seen()
    while not (seen.frames and any(ending in seen.frames[-1][1] for ending in ENDINGS)):
        frame = str(await socket.recv())
        seen.frames.append((time.perf_counter(), frame))
    return seen


def _delays(request: Asked, seen: Seen) -> list[float]:
    arrivals: list[float] = []
    count = 0
    for at, characters in seen.characters():
        count += characters
        arrivals += [at] * (count // len(PIECE) - len(arrivals))
    assert len(arrivals) == len(request.sent_at), f"{len(request.sent_at)} sent, {len(arrivals)} arrived"
    return [1000 * (there - sent) for sent, there in zip(request.sent_at, arrivals, strict=True)]
