"""Creates ids of sessions, turns, calls and boots."""

import base64
import hashlib
import random
import re

_source: random.Random = random.SystemRandom()
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
SESSION_ID = re.compile(r"[a-z2-7]{6,8}\Z")
SESSION_PREFIX = re.compile(r"(?:s-)?([a-z2-7]{2,8})\Z")


def new_session_id() -> str:
    """Six lower-case base32 characters. The store refuses an id that is taken; the caller then creates another one."""
    return _random(6)


def derived_session_id(text: str) -> str:
    """The session id of a request: the same for the same text, so that a request that is sent again makes one session."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:8]


def new_boot_id() -> str:
    """An id of one start of one process."""
    return _random(8)


def new_call_id() -> str:
    """An id of a tool call or a permission request, unique within a session."""
    return _random(8)


def share() -> float:
    """A random number from 0 to 1 from the same source, to spread waits in time."""
    return _source.random()


def _random(length: int) -> str:
    return "".join(_source.choice(_BASE32) for _ in range(length))


def use_source(source: random.Random | None = None) -> None:
    """Take randomness from `source`, as simulations do; without an argument, from the operating system again."""
    global _source
    _source = source or random.SystemRandom()
