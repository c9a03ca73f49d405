"""Notices that the clock of the machine is set. It is apart from the triage, because the gateway makes it before it answers its first request."""

import time

from ..clock import wall_s

# Linux counts time in which the machine sleeps here, and macOS in the ordinary monotonic clock.
_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockAnchor:
    """Notices that the clock of the machine is set: it compares the time of day with a clock that only goes forward, also through sleep."""

    def __init__(self) -> None:
        self._offset_s = wall_s() - _boot_s()

    def jump_s(self) -> float:
        """By how many seconds the time of day has been set forward (or back: negative) since this object was made."""
        return round(wall_s() - _boot_s() - self._offset_s, 1)


def _boot_s() -> float:
    return time.clock_gettime(_BOOT_CLOCK)
