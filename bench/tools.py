"""Tool round trips: from the model's tool call to the next model request, which contains the result."""

from itertools import pairwise

from figure import Figure, percentile
from gateway_client import GatewayClient
from scripted import Scripted
from support.daemon import Daemon

CALLS = 15


async def round_trips(daemon: Daemon, server: Scripted) -> list[Figure]:
    """Reading a file, and running a command."""
    (daemon.workspace / "text.txt").write_text("".join(f"line {number} of a small file\n" for number in range(60)))
    return [
        await _measure(daemon, server, "read", "read_file", 8),
        await _measure(daemon, server, "run", "run_command (contained)", 25),
    ]


async def _measure(daemon: Daemon, server: Scripted, word: str, tool: str, bar: float) -> Figure:
    async with GatewayClient(daemon) as gateway:
        sid = await gateway.session(daemon, mode="do", level="L2", policy="unrestricted")
        async with gateway.stream(sid) as socket:
            await gateway.turn(socket, sid, f"{word} 2")
            server.take()
            seen = await gateway.turn(socket, sid, f"{word} {CALLS}")
    results = sum(frame.count('"event":"tool.result"') for _, frame in seen.frames)
    failed = sum(frame.count('"ok":false') for _, frame in seen.frames)
    assert results == CALLS and not failed, f"{results} of {CALLS} results, {failed} failed: {seen.frames}"
    asked = server.take()
    took = [1000 * (after.at - before.sent_at[-1]) for before, after in pairwise(asked)]
    return Figure(
        f"tool round trip, {tool}",
        percentile(took, 0.5),
        "ms",
        bar,
        note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f}, least {min(took):.1f} ms",
    )
