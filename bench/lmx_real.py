"""`python bench/lmx_real.py FOLDER`: LMX and `mlx_lm.server` with a real model, in turns, so that the machine's load affects both equally.

FOLDER: a model folder, such as one that `opta models import` made. The prompts are texts, and the answers end when the model ends them.
It takes about fifteen minutes with a model of 135 M parameters on two cores.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import machine
from figure import Figure, table
from lmx_load import StreamTiming, request, stream
from lmx_peer import AFTERWORK_S, Server, family, lmx, peer

ROUNDS, ANSWER_TOKENS = 5, 64
AT_ONCE = (1, 4, 8, 16)
MIXED, MIXED_AT_ONCE = 200, 4
# Until then, a server has given back what it keeps for requests that may follow at once.
REST_S = 20
PEER = "mlx_lm.server"
_WORDS = (
    "the function returns a list of names that were found in each file and then the test checks whether every value is smaller than the "
    "limit which the user has set before the server was started because a request without an answer must never be counted as done"
).split()


class Texts:
    """Prompts that share no beginning."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def prompt(self, words: int) -> str:
        """A question about a text of so many words."""
        text = " ".join(self._random.choices(_WORDS, k=words))
        return f"{self._random.randrange(10**9)} is the number of this text: {text}. Write a long story about it."


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--at", type=int, nargs="*", default=AT_ONCE, help="requests at once")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    chosen = parser.parse_args()
    with lmx(chosen.folder) as ours, peer(chosen.folder) as theirs:
        figures = asyncio.run(_measure(ours, theirs, chosen.rounds, chosen.at, with_memory=not chosen.no_memory))
    print(
        f"{machine.describe()}\n\n{chosen.folder.name}, greedy; × is LMX to {PEER} in turns, the median of the ratios.\n\n{table(figures)}\n"
    )
    return 0


async def _measure(ours: Server, theirs: Server, rounds: int, at: Sequence[int], *, with_memory: bool) -> list[Figure]:
    texts = Texts(1)
    for server in (ours, theirs):
        await _burst(server, [texts.prompt(60)])  # the first request includes one-time setup
    found: list[Figure] = []
    for at_once in at:
        pairs: list[tuple[_Measured, _Measured]] = []
        for _ in range(rounds * max(1, 4 // at_once)):
            prompts = [texts.prompt(140) for _ in range(at_once)]
            # Which of them is first changes, because the second finds a warmer machine.
            order = [ours, theirs] if len(pairs) % 2 else [theirs, ours]
            got = {server: await _burst(server, prompts) for server in order}
            pairs.append((got[ours], got[theirs]))
        found += _figures(at_once, pairs)
        # A measurement that is cut off has shown what it found.
        print(f"  {at_once} at once: {', '.join(f'{figure.value:.3f}' for figure in found[-3:])}", file=sys.stderr, flush=True)
    return found + (await _memory(ours, theirs) if with_memory else [])


class _Measured:
    """A burst of requests: CPU ms a token, tokens a second, median ms to the first token."""

    def __init__(self, timings: list[StreamTiming], cpu_s: float, wall_s: float):
        tokens = sum(timing.tokens for timing in timings)
        self.cpu_ms, self.rate = 1000 * cpu_s / tokens, tokens / wall_s
        self.first_ms = 1000 * median(timing.first_s for timing in timings)


async def _burst(server: Server, prompts: list[str], answer_tokens: int = ANSWER_TOKENS) -> _Measured:
    before, started = server.cpu_s(), time.perf_counter()
    timings = await asyncio.gather(*(stream(server.client, request(prompt, answer_tokens)) for prompt in prompts))
    wall_s = time.perf_counter() - started
    await asyncio.sleep(AFTERWORK_S)
    return _Measured(timings, server.cpu_s() - before, wall_s)


def _figures(at_once: int, pairs: list[tuple[_Measured, _Measured]]) -> list[Figure]:
    found: list[Figure] = []
    for name, field, unit, bar, is_rate in (
        ("CPU a token", "cpu_ms", "ms", 1.0, False),
        ("tokens a second", "rate", "tok/s", 1.0, True),
        ("median time to first token", "first_ms", "ms", 0.9, False),
    ):
        values = [(getattr(ours, field), getattr(theirs, field)) for ours, theirs in pairs]
        ratios = [ours / theirs for ours, theirs in values]
        low, middle, high = quantiles(ratios, n=4)
        absolute = ", ".join(f"{median(pair[at] for pair in values):.4g}" for at in (0, 1))
        note = f"p25 {low:.2f}, p75 {high:.2f} of {len(pairs)}; LMX, {PEER}: {absolute} {unit}"
        found.append(Figure(f"{name}, {at_once} at once", middle, "×", bar, is_rate=is_rate, note=note))
    return found


async def _memory(ours: Server, theirs: Server) -> list[Figure]:
    """Memory after requests of many sizes, a few at once, and a rest."""
    pss: list[float] = []
    for server in (ours, theirs):
        chance, texts = random.Random(3), Texts(3)
        for _ in range(MIXED // MIXED_AT_ONCE):
            prompts = [texts.prompt(chance.choice((10, 40, 160, 600))) for _ in range(MIXED_AT_ONCE)]
            await asyncio.gather(*(stream(server.client, request(prompt, 8)) for prompt in prompts))
        await asyncio.sleep(REST_S)
        pss.append(sum(_pss_mb(pid) for pid in family(server.process.pid)))
        print(f"  {MIXED} mixed requests", file=sys.stderr, flush=True)
    return [Figure(f"memory after {MIXED} mixed requests", pss[0] / pss[1], "×", 1.0, note=f"PSS of all processes, {REST_S} s later: LMX, {PEER}: {pss[0]:.0f}, {pss[1]:.0f} MB")]  # fmt: skip


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


if __name__ == "__main__":
    sys.exit(main())
