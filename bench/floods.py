"""The latency of a session at 100 tokens/s while another session floods."""

import asyncio

from figure import Figure, percentile
from gateway_client import GatewayClient
from scripted import Scripted
from support.daemon import Daemon
from tokens import arrivals_of, delays_of

RATE, PIECES, FLOOD, ROUNDS, FLOODS_MAX = 100, 300, 100_000, 3, 20


async def figures(daemon: Daemon, server: Scripted) -> list[Figure]:
    """The median of several rounds, because other work on the machine adds pauses."""
    rounds = [await _beside(daemon, server) for _ in range(ROUNDS)]
    slowest = [percentile(delays, 0.99) for delays in rounds]
    middle = [percentile(delays, 0.5) for delays in rounds]
    note = (
        f"middle of {ROUNDS} rounds ({', '.join(f'{value:.0f}' for value in sorted(slowest))} ms); "
        f"p50 {percentile(middle, 0.5):.1f} ms; {sum(map(len, rounds))} tokens beside floods of {FLOOD:,} pieces"
    )
    return [Figure("latency a token beside a flood of another session, p99", percentile(slowest, 0.5), "ms", 100, note=note)]


async def _beside(daemon: Daemon, server: Scripted) -> list[float]:
    """Delays of the tokens that were sent during a flood, in milliseconds."""
    async with GatewayClient(daemon) as gateway, GatewayClient(daemon) as other:
        calm, flooded = await gateway.session(daemon), await other.session(daemon)
        async with gateway.stream(calm) as socket, other.stream(flooded) as flood_socket:
            await gateway.turn(socket, calm, "say 20 100")
            await other.turn(flood_socket, flooded, f"flood {FLOOD}")  # the server encodes a flood once
            server.take()
            beside = asyncio.create_task(gateway.turn(socket, calm, f"say {PIECES} {RATE}"))
            await asyncio.sleep(0.3)
            floods = [await other.turn(flood_socket, flooded, f"flood {FLOOD}")]
            while not beside.done() and len(floods) < FLOODS_MAX:
                floods.append(await other.turn(flood_socket, flooded, f"flood {FLOOD}"))
            seen = await beside
    sent_at = next(asked.sent_at for asked in server.take() if len(asked.sent_at) == PIECES)
    spans = [(flood.asked_at, flood.frames[-1][0]) for flood in floods]
    delays = zip(sent_at, delays_of(sent_at, arrivals_of(seen)), strict=True)
    return [delay for at, delay in delays if any(begin <= at <= end for begin, end in spans)]
