"""Memory of all processes before and after use, and their CPU use while idle."""

import time

import processes
from figure import Figure
from gateway_client import GatewayClient
from support.daemon import Daemon

# Wait for imports that continue after the daemon is ready.
SETTLE_S = 4.0
IDLE_S, TURNS = 10.0, 100


def at_rest(daemon: Daemon) -> list[Figure]:
    """A daemon that is ready and was not used."""
    time.sleep(SETTLE_S)
    shares, wakeups = processes.idle(daemon, IDLE_S)
    memory = processes.pss_mb(daemon)
    return [
        Figure("memory idle, PSS of all processes without LMX", sum(memory.values()), "MB", 180, note=processes.split(memory, "MB")),
        Figure("idle CPU in sum", sum(shares.values()), "% of a core", 0.3, note=processes.split(shares, "%")),
        Figure("idle wake-ups in sum", sum(wakeups.values()), "a second", 15, note=processes.split(wakeups, "a second")),
    ]


async def after_use(daemon: Daemon) -> list[Figure]:
    """After all earlier measurements and 100 turns; then after 100 more."""
    first = await _after_turns(daemon)
    second = await _after_turns(daemon)
    return [
        Figure(f"memory after use and {TURNS} turns", sum(first.values()), "MB", 220, note=processes.split(first, "MB")),
        Figure(f"growth by {TURNS} turns more", sum(second.values()) - sum(first.values()), "MB", 3, note="flat; the bar is Opta's own"),
    ]


async def _after_turns(daemon: Daemon) -> dict[str, float]:
    async with GatewayClient(daemon) as gateway:
        sid = await gateway.session(daemon)
        async with gateway.stream(sid) as socket:
            for _ in range(TURNS):
                await gateway.turn(socket, sid, "say 20")
    return processes.pss_mb(daemon)
