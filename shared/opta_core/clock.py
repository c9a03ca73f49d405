"""Time as the house writes it and measures it. Logic asks here, so that a simulation can bring a time of its own.

Measured time is the running loop's; the time of day can be replaced by `set_wall`, which only a simulation does.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

_wall: Callable[[], float] = time.time


def now_s() -> float:
    """Seconds from an arbitrary point, never going back; on the loop's thread only."""
    return asyncio.get_running_loop().time()


def utc_now() -> str:
    """Now, ISO 8601 UTC with microseconds."""
    return _iso(_wall())


def utc_in(seconds: float) -> str:
    """`seconds` from now, in the same form."""
    return _iso(_wall() + seconds)


def moment_s(text: str) -> float:
    """A day or time in ISO 8601 as seconds since 1970; without a UTC offset it is UTC. Raises ValueError for another form."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def seconds_until(moment: str) -> float:
    """From now to a time as `moment_s` reads it; negative when it has passed. Raises ValueError for another form."""
    return moment_s(moment) - _wall()


def utc_at(seconds: float) -> str:
    """A moment in seconds since 1970, in the same form."""
    return _iso(seconds)


def wall_s() -> float:
    """The time of day, in seconds since 1970; it may step."""
    return _wall()


def set_wall(wall: Callable[[], float] | None = None) -> None:
    """Take the time of day (seconds since 1970) from `wall`; without one, from the machine again."""
    global _wall
    _wall = wall or time.time


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
