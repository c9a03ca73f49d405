"""Time as the house writes it."""

import time
from datetime import UTC, datetime, timedelta


def utc_now() -> str:
    """Now, ISO 8601 UTC with microseconds."""
    return _iso(datetime.now(UTC))


def utc_in(seconds: float) -> str:
    """`seconds` from now, in the same form."""
    return _iso(datetime.now(UTC) + timedelta(seconds=seconds))


def seconds_between(earlier: str, later: str) -> float:
    """Difference of two stamps."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def monotonic_ms() -> float:
    """Milliseconds from an arbitrary point, never going back."""
    return time.monotonic() * 1000
