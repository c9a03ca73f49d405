"""Streaming: latency and processor time per token at 100 tokens/s, and the maximum rate."""

import asyncio
from collections.abc import Sequence

import floor
import processes
from figure import Figure, percentile
from gateway_client import GatewayClient, Seen
from scripted import PIECE, Scripted
from support.daemon import Daemon

RATE, PIECES, ROUNDS = 100, 700, 2
FLOOD, FLOODS = 20_000, 3


async def paced(daemon: Daemon, server: Scripted) -> list[Figure]:
    """At 100 tokens/s, each round beside a direct client."""
    ours: list[float] = []
    direct: list[float] = []
    used: dict[str, float] = {}
    sizes: list[float] = []
    tokens = 0
    reading_s = 0.0
    async with GatewayClient(daemon) as gateway:
        sid = await gateway.session(daemon)
        async with gateway.stream(sid) as socket:
            await gateway.turn(socket, sid, "say 20 100")
            for _ in range(ROUNDS):
                server.take()
                straight = await floor.direct(server.url, f"say {PIECES // 2} {RATE}")
                direct += delays_of(server.take()[0].sent_at, straight.arrivals)
                reading_s += straight.cpu_s
                before = processes.cpu_s(daemon)
                seen = await gateway.turn(socket, sid, f"say {PIECES} {RATE}")
                for name, seconds in processes.difference(processes.cpu_s(daemon), before).items():
                    used[name] = used.get(name, 0.0) + seconds
                sent_at = server.take()[0].sent_at
                ours += delays_of(sent_at, arrivals_of(seen))
                tokens += len(sent_at)
                sizes.append(seen.token_bytes() / len(sent_at))
    hop, hop_slow = await asyncio.to_thread(floor.hop_ms)
    figures: list[Figure] = []
    for share, bar in ((0.5, 1.0), (0.95, 5.0), (0.99, 10.0)):
        mine, base = percentile(ours, share), percentile(direct, share)
        note = f"direct client {base:.2f} ms, so {mine / base:.1f} times" + (
            f"; one AF_UNIX hop {hop:.2f} (p95 {hop_slow:.2f}) ms" if share == 0.5 else ""
        )
        figures.append(
            Figure(f"added latency a token at 100 tok/s, p{share * 100:.0f}", mine - base, "ms", bar, note=f"in all {mine:.2f}; {note}")
        )
    each = {name: 1000 * seconds / tokens for name, seconds in used.items()}
    reading = 1000 * reading_s / len(direct)
    note = (
        f"{sum(each.values()) / reading:.1f} times what a direct client takes to read one ({reading:.2f} ms); {processes.split(each, 'ms')}"
    )
    figures.append(Figure("CPU a token at 100 tok/s, all processes", sum(each.values()), "ms", 0.6, note=note))
    figures.append(Figure("bytes a token on the stream", max(sizes), "B", 200, note="token lines as stored"))
    return figures


async def flat_out(daemon: Daemon, server: Scripted) -> list[Figure]:
    """20,000 tokens at the maximum rate; the median of several turns, each in a separate session."""
    rates: list[float] = []
    firsts: list[float] = []
    straights: list[float] = []
    used: dict[str, float] = {}
    await floor.direct(server.url, f"flood {FLOOD}")
    async with GatewayClient(daemon) as gateway:
        for _ in range(FLOODS):
            straight = await floor.direct(server.url, f"flood {FLOOD}")
            straights.append(FLOOD / (straight.done_at - straight.asked_at))
            sid = await gateway.session(daemon)
            async with gateway.stream(sid) as socket:
                before = processes.cpu_s(daemon)
                seen = await gateway.turn(socket, sid, f"flood {FLOOD}")
                for name, seconds in processes.difference(processes.cpu_s(daemon), before).items():
                    used[name] = used.get(name, 0.0) + seconds
            arrivals = arrivals_of(seen)
            assert len(arrivals) == FLOOD, f"{len(arrivals)} of {FLOOD} tokens came"
            rates.append(FLOOD / (seen.frames[-1][0] - seen.asked_at))
            firsts.append(1000 * (arrivals[0] - seen.asked_at))
    each = {name: 1e6 * seconds / (FLOOD * FLOODS) for name, seconds in used.items()}
    rate, straight_rate = percentile(rates, 0.5), percentile(straights, 0.5)
    return [
        Figure(
            "flat out, 20,000 tokens, prompt to turn.done",
            rate,
            "tok/s",
            25_000,
            is_rate=True,
            note=f"direct client {straight_rate:,.0f}, so 1/{straight_rate / rate:.1f}",
        ),
        Figure("flat out, prompt to first token", percentile(firsts, 0.5), "ms", 20),
        Figure("flat out, CPU a token, all processes", sum(each.values()), "µs", note=processes.split(each, "µs")),
    ]


def arrivals_of(seen: Seen) -> list[float]:
    """The time at which each piece was complete, found by counting characters, because pieces may be joined."""
    arrivals: list[float] = []
    count = 0
    for at, characters in seen.characters():
        count += characters
        arrivals += [at] * (count // len(PIECE) - len(arrivals))
    return arrivals


def delays_of(sent_at: Sequence[float], arrivals: Sequence[float]) -> list[float]:
    assert len(sent_at) == len(arrivals), f"{len(sent_at)} pieces sent, {len(arrivals)} arrived"
    return [1000 * (there - sent) for sent, there in zip(sent_at, arrivals, strict=True)]
