"""What was computed for earlier prompts: the beginning that a new prompt shares with one is not computed again.

Entries are caches of a model with the tokens they stand for. A cache that can be trimmed serves every prompt that begins as its
tokens do; one that cannot (hybrid models) only those that begin with all of them, so for these the engine also keeps checkpoints
within prompts. Bytes are capped; what goes may move to disk. Knows no mlx: what copies, trims and saves is given to it.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from .prefix_store import PrefixDisk

# Of a whole answer, of the beginning up to the last message of the user, and of the instructions: these go last.
Kind = Literal["answer", "prompt", "system"]
ENTRIES_MAX = 64
# Reading a file for less is not worth it.
GAIN_TOKENS_MIN = 64


class CacheTools(Protocol):
    """What prefixes do to caches."""

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
    kind: Kind
    can_trim: bool
    used: int = 0


class Prefixes:
    """The kept prefixes of one model."""

    def __init__(self, tools: CacheTools, size_max: int, disk: PrefixDisk | None = None):
        self._tools, self._size_max, self._disk = tools, size_max, disk
        self._entries: list[_Entry] = []
        self._clock = 0
        self.size = 0

    def find(self, tokens: list[int]) -> tuple[list[Any] | None, int]:
        """(a cache of one's own, how many tokens of the prompt it holds); at least one token is always left to compute."""
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

    def keep(self, tokens: list[int], cache: list[Any], kind: Kind = "answer") -> None:
        """What a later prompt may begin with."""
        if not tokens or not self._size_max:
            return
        self._tools.settle(cache)
        entry = _Entry(np.array(tokens, dtype=np.int32), cache, self._tools.size(cache), kind, self._tools.can_trim(cache))
        for other in list(self._entries):
            common = _common(other.tokens, entry.tokens)
            is_same = common == len(other.tokens) == len(entry.tokens)
            # A longer cache that can be trimmed serves all that its own beginnings do.
            if is_same or (entry.can_trim and common == len(other.tokens)):
                self._drop(other)
        self._add(entry)

    def has(self, tokens: list[int]) -> bool:
        """Whether exactly this is kept."""
        wanted = np.array(tokens, dtype=np.int32)
        return any(len(entry.tokens) == len(wanted) == _common(entry.tokens, wanted) for entry in self._entries)

    def trim_to(self, size: int) -> None:
        """Keep no more bytes than this for now."""
        while self._entries and self.size > size:
            self._evict()

    def save(self) -> None:
        """Put everything that is worth it on disk: the engine ends."""
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
    """How many first tokens are the same."""
    size = min(len(one), len(other))
    different = one[:size] != other[:size]
    return int(different.argmax()) if different.any() else size
