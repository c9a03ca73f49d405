"""Prefix cache: reuses KV state for the longest prefix shared with an earlier prompt.

An entry is a KV cache and its tokens. A cache that can be trimmed serves every prompt that shares a prefix with it; one that cannot
(hybrid models) serves only prompts that begin with all of its tokens, so for these the engine also keeps checkpoints inside prompts.
The size is limited; evicted entries may move to disk. Knows no mlx: `CacheTools` has the operations on caches.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from .prefix_store import PrefixStore

# A whole conversation with its answer, the part before the user's last message, or the instructions, which are evicted last.
PrefixKind = Literal["answer", "prompt", "system"]
ENTRIES_MAX = 64
# Reading a file is not worth it for fewer tokens.
GAIN_TOKENS_MIN = 64


class CacheTools(Protocol):
    """Operations on KV caches."""

    def copy(self, cache: list[Any]) -> list[Any]: ...

    def settle(self, cache: list[Any]) -> None: ...

    def trim(self, cache: list[Any], tokens: int) -> None: ...

    def can_trim(self, cache: list[Any]) -> bool: ...

    def size(self, cache: list[Any]) -> int: ...


@dataclass
class _Entry:
    tokens: "np.ndarray[Any, np.dtype[np.int32]]"
    cache: list[Any]
    size: int
    kind: PrefixKind
    can_trim: bool
    used: int = 0


class PrefixCache:
    """The prefix cache of one model. Sizes are bytes."""

    def __init__(self, tools: CacheTools, size_max: int, disk: PrefixStore | None = None):
        self._tools, self._size_max, self._disk = tools, size_max, disk
        self._entries: list[_Entry] = []
        self._clock = 0
        self.size = 0

    def find(self, tokens: list[int]) -> tuple[list[Any] | None, int]:
        """(independent cache, number of the prompt's tokens in it); (None, 0) without a match. At least one token is left to compute."""
        wanted = np.array(tokens, dtype=np.int32)
        best, shared = None, 0
        for entry in self._entries:
            usable = _usable(entry, wanted)
            if usable > shared:
                best, shared = entry, usable
        if self._disk is not None and (found := self._disk.find(wanted, shared + GAIN_TOKENS_MIN)) is not None:
            stored, cache = found
            self._add(_Entry(stored, cache, self._tools.size(cache), "answer", self._tools.can_trim(cache)))
            best = self._entries[-1]
            shared = _usable(best, wanted)
        if best is None:
            return None, 0
        self._clock += 1
        best.used = self._clock
        cache = self._tools.copy(best.cache)
        if len(best.tokens) > shared:
            self._tools.trim(cache, len(best.tokens) - shared)
        return cache, shared

    def keep(self, tokens: list[int], cache: list[Any], kind: PrefixKind = "answer") -> None:
        """Add a cache of these tokens; entries that it makes redundant are dropped."""
        if not tokens or not self._size_max:
            return
        self._tools.settle(cache)
        entry = _Entry(np.array(tokens, dtype=np.int32), cache, self._tools.size(cache), kind, self._tools.can_trim(cache))
        for other in list(self._entries):
            common = _common(other.tokens, entry.tokens)
            is_same = common == len(other.tokens) == len(entry.tokens)
            # A cache that can be trimmed also serves every prompt that its own prefixes serve.
            if is_same or (entry.can_trim and common == len(other.tokens)):
                self._drop(other)
        self._add(entry)

    def has(self, tokens: list[int]) -> bool:
        """Whether there is an entry of exactly these tokens."""
        wanted = np.array(tokens, dtype=np.int32)
        return any(len(entry.tokens) == len(wanted) == _common(entry.tokens, wanted) for entry in self._entries)

    def trim_to(self, size: int) -> None:
        """Evict entries until the cache has at most `size` bytes."""
        while self._entries and self.size > size:
            self._evict()

    def save(self) -> None:
        """Store the entries on disk, most recently used first: the engine ends."""
        if self._disk is not None:
            for entry in sorted(self._entries, key=lambda entry: -entry.used):
                self._disk.keep(entry.tokens, entry.cache)

    def _add(self, entry: _Entry) -> None:
        self._clock += 1
        entry.used = self._clock
        self._entries.append(entry)
        self.size += entry.size
        while len(self._entries) > 1 and (len(self._entries) > ENTRIES_MAX or self.size > self._size_max):
            self._evict(but=entry)
        if self.size > self._size_max:
            self._drop(entry)

    def _evict(self, but: _Entry | None = None) -> None:
        order = {"answer": 0, "prompt": 0, "system": 1}
        oldest = min((entry for entry in self._entries if entry is not but), key=lambda entry: (order[entry.kind], entry.used))
        if self._disk is not None:
            self._disk.keep(oldest.tokens, oldest.cache)
        self._drop(oldest)

    def _drop(self, entry: _Entry) -> None:
        self._entries = [other for other in self._entries if other is not entry]
        self.size -= entry.size


def _usable(entry: _Entry, wanted: "np.ndarray[Any, Any]") -> int:
    common = _common(entry.tokens, wanted)
    if entry.can_trim:
        return min(common, len(wanted) - 1)
    return common if common == len(entry.tokens) < len(wanted) else 0


def _common(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> int:
    """The length of the common prefix."""
    size = min(len(one), len(other))
    different = one[:size] != other[:size]
    return int(different.argmax()) if different.any() else size
