"""How slow this machine is now, compared with the one on which the tests' limits were written, so that the limits can be as much wider."""

import statistics
import time

ADDITIONS = 1_000_000
USUAL_S = 0.06
"""Seconds of `ADDITIONS` on the machine of docs/benchmarks.md when nothing else runs there, with CPython 3.11."""
SAMPLES = 9
SLOWNESS_MAX = 5.0
TEST_TIMEOUT_S = 240
"""What pyproject.toml gives a single test."""
TEST_TIMEOUT_MAX_S = 600


def slowness(usual_s: float = USUAL_S) -> float:
    """How many times longer than `usual_s` a loop takes, by the clock: from 1 to `SLOWNESS_MAX`. Half a second on a usual machine."""
    took_s = statistics.median(_loop_s() for _ in range(SAMPLES))
    return round(min(max(1.0, took_s / usual_s), SLOWNESS_MAX), 1)


def _loop_s() -> float:
    started, total = time.perf_counter(), 0
    for number in range(ADDITIONS):
        total += number
    return time.perf_counter() - started


def limits_here(*, beside_others: bool) -> dict[str, str]:
    """Environment variables that widen the limits of tests to what this machine can hold. `beside_others`: several workers share it."""
    factor = slowness()
    timeout_s = round(TEST_TIMEOUT_S * factor * (2 if beside_others else 1))
    return {"OPTA_TEST_SLOWNESS": str(factor), "PYTEST_TIMEOUT": str(min(timeout_s, TEST_TIMEOUT_MAX_S))}
