"""Memory of all processes before and after use, and what they take of a core while idle."""

import time

import processes
from door import Door
from figure import Figure
from support.daemon import Daemon

# What a start still loads after it is ready belongs to the start.
SETTLE_S = 4.0
IDLE_S, TURNS = 10.0, 100


def at_rest(daemon: Daemon) -> list[Figure]:
    """Of a daemon that is ready and was not used."""
    time.sleep(SETTLE_S)
    shares = processes.idle(daemon, IDLE_S)
    memory = processes.pss_mb(daemon)
    return [
        Figure("memory idle, PSS of all processes without LMX", sum(memory.values()), "MB", 180, note=processes.split(memory, "MB")),
        Figure("idle CPU in sum", sum(shares.values()), "% of a core", 0.5, note=processes.split(shares, "%")),
    ]


async def after_use(daemon: Daemon) -> list[Figure]:
    """After everything measured so far and a hundred turns; then after a hundred more."""
    first = await _after_turns(daemon)
    second = await _after_turns(daemon)
    return [
        Figure(f"memory after use and {TURNS} turns", sum(first.values()), "MB", 220, note=processes.split(first, "MB")),
        Figure(f"growth by {TURNS} turns more", sum(second.values()) - sum(first.values()), "MB", 3, note="flat; the bar is ours here"),
    ]


async def _after_turns(daemon: Daemon) -> dict[str, float]:
    async with Door(daemon) as door:
        sid = await door.session(daemon)
        async with door.stream(sid) as socket:
            for _ in range(TURNS):
                await door.turn(socket, sid, "say 20")
    return processes.pss_mb(daemon)
