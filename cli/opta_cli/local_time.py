"""Times for people: of the local zone, which is named, and short."""

from datetime import datetime


def local(stamp: str) -> str:
    """An ISO 8601 time of the daemon (UTC) as `2026-03-01 14:23 CET`; unchanged when it is none."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    except ValueError:
        return stamp
