"""How often a service was started again, from the file of its latest starts that `process` keeps in the run directory."""

from pathlib import Path

import msgspec


def restarts(run: Path, service: str) -> int:
    """Starts after the first one, of those that are remembered."""
    try:
        return max(0, len(msgspec.json.decode((run / f"{service}.starts").read_bytes())) - 1)
    except (OSError, msgspec.DecodeError):
        return 0
