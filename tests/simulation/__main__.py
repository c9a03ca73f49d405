"""`./opta dev sim --seeds 20000 [--first 0] [--jobs 2]`: many worlds; a failing seed is printed and can be played again."""

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from .world import World


def play(first: int, count: int, *, shows: bool = False) -> tuple[Counter[str], list[str]]:
    """(figures, failures) of some seeds."""
    logging.disable(logging.CRITICAL)
    figures: Counter[str] = Counter()
    failures: list[str] = []
    for seed in range(first, first + count):
        try:
            figures += World(seed).play()
            figures["seeds"] += 1
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {error}")
            if shows:
                traceback.print_exc()
    return figures, failures


def main() -> int:
    """Exit 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="./opta dev sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    started = time.perf_counter()
    figures: Counter[str] = Counter()
    failures: list[str] = []
    chunk = 50
    firsts = range(chosen.first, chosen.first + chosen.seeds, chunk)
    counts = [min(chunk, chosen.first + chosen.seeds - first) for first in firsts]
    if chosen.seeds == 1:
        figures, failures = play(chosen.first, 1, shows=True)
    else:
        with ProcessPoolExecutor(chosen.jobs) as pool:
            for found, failed in pool.map(play, firsts, counts):
                figures += found
                failures += failed
                for failure in failed:
                    print(failure, flush=True)
    took = time.perf_counter() - started
    print(f"{figures['seeds']} seeds clean, {len(failures)} failed, {took:.0f} s, {60 * chosen.seeds / took:,.0f} seeds a minute")
    print(", ".join(f"{name} {value:,}" for name, value in sorted(figures.items())))
    for failure in failures[:5]:
        print(f"play it again: ./opta dev sim --seeds 1 --first {failure.split()[1].rstrip(':')}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
