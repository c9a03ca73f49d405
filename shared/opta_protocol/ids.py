"""Names of things: sessions, turns, calls, boots."""

import random
import re

_source: random.Random = random.SystemRandom()
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
SESSION_ID = re.compile(r"[a-z2-7]{6,8}\Z")
SESSION_PREFIX = re.compile(r"(?:s-)?([a-z2-7]{2,8})\Z")


def new_session_id() -> str:
    """Six lower-case base32 characters; the store refuses one that is taken and the caller draws again."""
    return _random(6)


def new_boot_id() -> str:
    """Identifies one start of one process."""
    return _random(8)


def new_call_id() -> str:
    """Unique within a session, for tool calls and permission requests."""
    return _random(8)


def share() -> float:
    """A number from 0 to 1 from the same source: for waits that should not all end at once."""
    return _source.random()


def _random(length: int) -> str:
    return "".join(_source.choice(_BASE32) for _ in range(length))


def use_source(source: random.Random | None = None) -> None:
    """Draw from `source`, as a simulation does; without one, from the machine's own randomness again."""
    global _source
    _source = source or random.SystemRandom()
