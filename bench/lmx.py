"""`python bench/lmx.py [--quick]`: LMX and `mlx_lm.server`, each compared with mlx-lm's BatchGenerator in a separate process.

All three use the same model, the same BLAS and the same prompts, in turns, so that the machine's load affects them equally.
It takes about eight minutes; `--quick` takes two, with coarse figures.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from types import FrameType

import machine
from figure import Figure, table
from lmx_load import StreamTiming, Words, flood, request, slowest, statuses, stream
from lmx_peer import Burst, InProcess, Server, family, in_process, lmx, make_model, peer

PROMPT_TOKENS, JOINING_TOKENS = 200, 1500
# The template adds five tokens to the two messages of a prefix.
PREFIX_TOKENS, LAST_MESSAGE_TOKENS = 1273, 28
CANCELLED, CANCELLED_AT_ONCE = 50, 16
PEER = "mlx_lm.server"


@dataclass(frozen=True)
class Size:
    """The number and size of measurements."""

    rounds: int
    concurrency: tuple[int, ...]
    answer_tokens: int
    starts: int
    knocks: int


FULL = Size(rounds=5, concurrency=(1, 2, 4, 8, 16), answer_tokens=128, starts=4, knocks=128)
QUICK = Size(rounds=3, concurrency=(1, 4, 16), answer_tokens=32, starts=2, knocks=32)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    print(f"{machine.describe()}\n\n{section(QUICK if chosen.quick else FULL)}")
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # ends the started processes


def section(size: Size = FULL) -> str:
    """The table, with the conditions of the measurement."""
    when = f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, load of the last minute {os.getloadavg()[0]:.1f}"
    return (
        f"A Qwen3 of 10 M random weights in 32-bit floats on the processor, greedy; prompts of {PROMPT_TOKENS} tokens that share no beginning, answers of "
        f"{size.answer_tokens}; × is to mlx-lm's BatchGenerator alone in a process, in turns, the median of the ratios. {when}.\n\n{table(figures(size))}\n"
    )


def figures(size: Size) -> list[Figure]:
    """All measurements. Except for the starts, each server loads its model once."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder:
        model = Path(folder) / "random-10m"
        make_model(model)
        found = _starts(model, size)
        with lmx(model) as ours, peer(model) as theirs, in_process(model) as bare:
            return found + asyncio.run(_loaded(ours, theirs, bare, size))


def _starts(model: Path, size: Size) -> list[Figure]:
    times: list[tuple[Server, Server]] = []
    for _ in range(size.starts + 1):
        with lmx(model) as ours:
            pass
        with peer(model) as theirs:
            pass
        times.append((ours, theirs))
    del times[0]  # the first start wrote bytecode
    answering, ready = ([[getattr(server, name) for server in pair] for pair in times] for name in ("answering_s", "ready_s"))
    return [
        Figure("front: spawn -> /healthz", median(a for a, _ in answering), "s", 0.5, note=f"p50 of {size.starts}; {PEER} {median(b for _, b in answering):.2f} s"),
        Figure("model loaded: spawn -> /readyz", median(a for a, _ in ready), "s", note=f"{PEER}, to its first answer: {median(b for _, b in ready):.2f} s"),
    ]  # fmt: skip


async def _loaded(ours: Server, theirs: Server, bare: InProcess, size: Size) -> list[Figure]:
    steps = [
        ("bursts", lambda: _bursts(ours, theirs, bare, size)),
        ("prefix", lambda: _prefix(ours, theirs, bare, size)),
        ("join", lambda: _join(ours, theirs, size)),
        ("cancelled", lambda: _cancelled(ours, theirs)),
        ("flood", lambda: _floods(ours, theirs, size)),
        ("killed", lambda: _killed(ours)),
    ]
    found: list[Figure] = []
    for name, step in steps:
        started = time.perf_counter()
        found += await step()
        print(f"  lmx {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    return found


async def _bursts(ours: Server, theirs: Server, bare: InProcess, size: Size) -> list[Figure]:
    words = Words(1)
    systems: list[Server | InProcess] = [ours, theirs, bare]
    found: dict[int, list[list[Burst]]] = {at_once: [] for at_once in size.concurrency}
    for system in systems:
        await system.burst([words.prompt(PROMPT_TOKENS)], 8)  # the first request includes one-time setup
    for _ in range(size.rounds):
        for at_once in size.concurrency:
            for _ in range(max(1, 4 // at_once)):  # with few requests at once, repeat for more samples
                order = [words.prompt(PROMPT_TOKENS) for _ in range(at_once)], size.answer_tokens
                found[at_once].append([await system.burst(*order) for system in systems])
    return [what(at_once, rounds) for what in (_cpu, _first) for at_once, rounds in found.items()]


def _cpu(at_once: int, rounds: list[list[Burst]]) -> Figure:
    return _ratio(f"CPU a token, {at_once} at once", [[1000 * burst.cpu_s / burst.tokens for burst in systems] for systems in rounds], 1.08)


def _first(at_once: int, rounds: list[list[Burst]]) -> Figure:
    return _ratio(
        f"median time to first token, {at_once} at once", [[1000 * median(burst.first_s) for burst in systems] for systems in rounds], 1.3
    )


def _ratio(name: str, rounds: list[list[float]], bar: float) -> Figure:
    """The median ratio of LMX and of the peer to the in-process generator, over the rounds."""
    ours, theirs = ([systems[at] / systems[2] for systems in rounds] for at in (0, 1))
    absolute = ", ".join(f"{median(systems[at] for systems in rounds):.3g}" for at in range(3))
    low, _, high = quantiles(ours, n=4)
    note = f"{PEER} {median(theirs):.2f} ×; LMX p25 {low:.2f}, p75 {high:.2f} of {len(rounds)}; LMX, peer, in process: {absolute} ms"
    return Figure(name, median(ours), "×", bar, note=note)


async def _prefix(ours: Server, theirs: Server, bare: InProcess, size: Size) -> list[Figure]:
    words = Words(2)
    rounds: list[list[tuple[float, float]]] = []
    for _ in range(size.rounds):
        system = words.text(PREFIX_TOKENS - 5 - LAST_MESSAGE_TOKENS)
        last = [words.text(LAST_MESSAGE_TOKENS) for _ in range(2)]
        times: list[tuple[float, float]] = []
        for server in (ours, theirs):
            cold, warm = [await stream(server.client, request(text, 4, system=system)) for text in last]
            if cold.prompt_tokens != PREFIX_TOKENS:
                raise RuntimeError(f"the prompt had {cold.prompt_tokens} tokens")
            times.append((cold.first_s, warm.first_s))
        cold, warm = [await bare.burst([text], 4, system=system) for text in last]
        rounds.append([*times, (cold.first_s[0], warm.first_s[0])])
    value, other, least = (median(systems[at][0] / systems[at][1] for systems in rounds) for at in range(3))
    timing = ", ".join(
        f"{1000 * median(systems[at][0] for systems in rounds):.0f} / {1000 * median(systems[at][1] for systems in rounds):.1f}"
        for at in range(3)
    )
    note = f"{PEER} {other:.1f} ×, in process {least:.1f} ×; cold / warm of the three: {timing} ms; the other last message has {LAST_MESSAGE_TOKENS} tokens"
    return [
        Figure(f"first token of {PREFIX_TOKENS:,} tokens: cold, to another last message", value, "×", 20, is_rate=True, note=note),
        _ratio("the same: time to first token, warm", [[1000 * warm for _, warm in systems] for systems in rounds], 1.3),
    ]


async def _join(ours: Server, theirs: Server, size: Size) -> list[Figure]:
    words = Words(3)
    gaps: dict[Server, list[tuple[float, float]]] = {ours: [], theirs: []}
    for _ in range(size.rounds):
        for server, found in gaps.items():
            first, second = StreamTiming(), StreamTiming()
            task = asyncio.create_task(stream(server.client, request(words.prompt(PROMPT_TOKENS), 2000), first))
            await _until(lambda timing=first: len(timing.arrivals) >= 16)
            await stream(server.client, request(words.prompt(JOINING_TOKENS), 8), second)
            await _cut([task])
            found.append((first.worst_gap_s(second.asked_at, second.done_at), second.first_s))
            await asyncio.sleep(0.5)
    (worst, first_s), (other, other_first_s) = (
        (max(gap for gap, _ in found), median(first for _, first in found)) for found in gaps.values()
    )
    note = f"worst of {size.rounds}; {PEER} {other:.2f} s; first token of the one that joins after {first_s:.2f} s, {PEER} {other_first_s:.2f} s"
    return [Figure(f"worst gap of a stream while {JOINING_TOKENS:,} tokens join", worst, "s", 1, note=note)]


async def _cancelled(ours: Server, theirs: Server) -> list[Figure]:
    words = Words(4)
    took: dict[Server, list[float]] = {ours: [], theirs: []}
    for server, times in took.items():
        left = CANCELLED
        while left:
            count = min(left, CANCELLED_AT_ONCE)
            left -= count
            streams = [StreamTiming() for _ in range(count)]
            tasks = [asyncio.create_task(stream(server.client, request(words.prompt(50), 2000), timing)) for timing in streams]
            await _until(lambda timing=streams: all(one.arrivals for one in timing))
            cut_at = time.perf_counter()
            await _cut(tasks)
            if server is ours:
                await _until(lambda: not _running(ours))
                times.append(time.perf_counter() - cut_at)
            else:
                times.append(await _until_calm(server) - cut_at)
    note = f"worst of {len(took[ours])} times up to {CANCELLED_AT_ONCE}; {PEER}, until it takes no more processor time: {max(took[theirs]):.2f} s"
    return [Figure(f"{CANCELLED} streams cut after the first token -> no request runs", max(took[ours]), "s", 1, note=note)]


async def _floods(ours: Server, theirs: Server, size: Size) -> list[Figure]:
    knocks, others = await flood(ours.port, size.knocks), await flood(theirs.port, size.knocks)
    hung, others_hung = (sum(knock.status <= 0 for knock in found) for found in (knocks, others))
    name = f"{size.knocks} connects at once"
    answers = [knock for knock in knocks if knock.status > 0]
    return [
        Figure(f"{name}: without an answer in 60 s", hung, "", 0, note=f"{statuses(knocks)}; {PEER} {others_hung}: {statuses(others)}"),
        Figure(f"{name}: slowest first byte", max((knock.first_byte_s for knock in answers), default=0.0), "s", 2, note=f"LMX {slowest(knocks)}; {PEER} {slowest(others)}"),
        Figure(f"{name}: neither 200 nor 429", sum(knock.status not in (200, 429) for knock in knocks), "", 0),
    ]  # fmt: skip


async def _killed(ours: Server) -> list[Figure]:
    before = _engine(ours)
    if before not in family(ours.process.pid)[1:]:
        raise RuntimeError(f"/readyz names {before} as the engine, which is not a child of LMX")
    body = request("hello", 8)
    killed_at, loaded_at, tries = time.perf_counter(), 0.0, 0
    os.kill(before, signal.SIGKILL)

    async def watch() -> None:
        nonlocal loaded_at
        while _engine(ours) in (0, before):  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)
        loaded_at = time.perf_counter()

    watching = asyncio.create_task(watch())
    while True:
        tries += 1
        with suppress(RuntimeError):
            timing = await stream(ours.client, body)
            break
        if tries > 1000:
            raise RuntimeError("LMX no longer responds")
        await asyncio.sleep(0.02)
    await watching
    note = f"requests sent at once after the kill: {tries - 1} failed with a typed error, then one whole answer"
    return [
        Figure("kill -9 of the idle engine -> the next chat is answered whole", timing.done_at - killed_at, "s", note=note),
        Figure("the same, after the model is loaded again", max(0.0, timing.done_at - loaded_at), "s", 2),
    ]


def _engine(server: Server) -> int:
    status, body = server.get("/readyz")
    return int(json.loads(body).get("pid", 0)) if status == 200 else 0


def _running(server: Server) -> int:
    return sum(int(number) for number in re.findall(rb"^lmx_requests_running(?:{.*})? (\d+)", server.get("/metrics")[1], re.MULTILINE))


async def _until(holds: Callable[[], bool], limit_s: float = 120) -> None:
    deadline = time.perf_counter() + limit_s
    while not holds():
        if time.perf_counter() > deadline:
            raise RuntimeError(f"the condition was not met within {limit_s:g} s")
        await asyncio.sleep(0.005)


async def _until_calm(server: Server) -> float:
    """The time at which the server became idle."""
    while True:
        began, before = time.perf_counter(), server.cpu_s()
        await asyncio.sleep(0.1)
        if server.cpu_s() - before < 0.02:
            return began


async def _cut(tasks: "list[asyncio.Task[StreamTiming]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
