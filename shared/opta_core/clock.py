"""Monotonic time and time of day. Logic reads the clock only here, so that a simulation can replace it.

Monotonic time is the running loop's. `set_wall` replaces the time of day; only simulations call it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

_wall: Callable[[], float] = time.time


def now_s() -> float:
    """Monotonic time in seconds from an arbitrary point. Call it on the loop's thread only."""
    return asyncio.get_running_loop().time()


def utc_now() -> str:
    """The time of day, ISO 8601 in UTC with microseconds."""
    return _iso(_wall())


def utc_in(seconds: float) -> str:
    """The time `seconds` from now, in the same form."""
    return _iso(_wall() + seconds)


def moment_s(text: str) -> float:
    """An ISO 8601 date or time as seconds since 1970. Without a UTC offset it is UTC. Raises ValueError for any other form."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def seconds_until(moment: str) -> float:
    """Seconds from now to a time in the form of `moment_s`; negative when it has passed. Raises ValueError for any other form."""
    return moment_s(moment) - _wall()


def utc_at(seconds: float) -> str:
    """A time in seconds since 1970, in the form of `utc_now`."""
    return _iso(seconds)


def wall_s() -> float:
    """The time of day in seconds since 1970. It can jump when the clock is set."""
    return _wall()


def set_wall(wall: Callable[[], float] | None = None) -> None:
    """Read the time of day (seconds since 1970) from `wall`; without an argument, from the system clock again."""
    global _wall
    _wall = wall or time.time


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
