"""Periodic work of idle processes, at moments that all processes of the machine share: they wake it up together, and not one after another."""

import asyncio

from .clock import now_s

# A timer may fire a little early: the moment that it was set for counts as passed.
_EARLY_SHARE = 0.1


async def tick(every_s: float, *events: asyncio.Event) -> None:
    """Wait for the next multiple of `every_s` of the machine's monotonic clock, or until one of the events is set."""
    if any(event.is_set() for event in events):
        return
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        if waiting:
            await asyncio.wait(waiting, timeout=seconds_to(now_s(), every_s), return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds_to(now_s(), every_s))
    finally:
        for task in waiting:
            task.cancel()


def seconds_to(now: float, every_s: float) -> float:
    """Seconds from `now` to the next multiple of `every_s`."""
    left_s = every_s - now % every_s
    return left_s if left_s > every_s * _EARLY_SHARE else left_s + every_s
