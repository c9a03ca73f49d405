"""Names of things: sessions, turns, calls, boots."""

import re
import secrets

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


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE32) for _ in range(length))
