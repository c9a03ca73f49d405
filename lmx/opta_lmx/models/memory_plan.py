"""How the memory of LMX is divided: what each engine needs, and its shares of the prefix caches and of the conversations.

The prefix caches of all engines together have one share of the limit. What is left is for the engines: process, weights (with those
of the draft model), mlx's reserve, one conversation each; the rest is for further conversations, in equal parts.
"""

import msgspec

MIB = 1024**2
# An engine process before any weight is loaded: Python, mlx and transformers.
ENGINE_BYTES = 300 * MIB
# Of the limit: what loaded models may take in all, and the prefix caches of all engines together.
USABLE_SHARE, PREFIX_SHARE = 0.90, 0.15
# Freed memory that mlx keeps for reuse, of the limit.
RESERVE_SHARE, RESERVE_MIN, RESERVE_MAX = 0.02, 32 * MIB, 1024 * MIB


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of an engine's weights, and of the KV cache of one conversation."""

    weights: int
    conversation: int


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that an engine may use for its prefix cache, and for the KV caches of running requests."""

    prefix: int
    conversations: int


class MemoryPlan:
    """The division of `limit` bytes."""

    def __init__(self, limit: int):
        self.limit = limit
        self.prefix = int(limit * PREFIX_SHARE)
        # For everything but prefix caches.
        self.available = int(limit * USABLE_SHARE) - self.prefix
        self.reserve = max(RESERVE_MIN, min(RESERVE_MAX, int(limit * RESERVE_SHARE)))

    def needed(self, need: Need) -> int:
        """Bytes that a running engine takes without its prefix cache: with one conversation, and the reserve."""
        return self._idle(need) + need.conversation

    def shares(self, needs: dict[str, Need]) -> dict[str, Shares]:
        """The shares of each engine. They fit into the limit when the engines were admitted by `needed`."""
        if not needs:
            return {}
        spare = max(0, self.available - sum(map(self.needed, needs.values()))) // len(needs)
        return {
            name: Shares(prefix=self.prefix // len(needs), conversations=max(MIB, need.conversation + spare))
            for name, need in needs.items()
        }

    def _idle(self, need: Need) -> int:
        return ENGINE_BYTES + need.weights + self.reserve
