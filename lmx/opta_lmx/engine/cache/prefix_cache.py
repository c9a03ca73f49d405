"""Prefix cache: reuses KV state for the longest prefix shared with an earlier prompt.

An entry is a KV cache and its tokens. A cache from which tokens can be removed serves every prompt that shares a long enough prefix
with it; one from which none can (a sliding window that is full, the state of a recurrent layer) serves only prompts that begin with
all of its tokens, so for these the engine also keeps checkpoints inside prompts. The size is limited; evicted entries may move to
disk. Knows no mlx: `CacheTools` has the operations on caches.

**Invariant:** a cache that does not have exactly the tokens of its entry is never kept, and never returned.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from opta_core.logs import Log

from .prefix_store import PrefixStore, Stored, common_tokens, usable_tokens

# A whole conversation with its answer, the part before the user's last message, or the instructions, which are evicted last.
PrefixKind = Literal["answer", "prompt", "system"]
ENTRIES_MAX = 64
# Of these, answers that no later prompt has built upon: requests that stand alone do not fill the memory.
UNUSED_MAX = 16
# Time for storing entries when the engine ends.
SAVE_S = 2.0
# Reading a file is not worth it for fewer tokens.
GAIN_TOKENS_MIN = 64
# A shorter prefix is computed in less time than it is worth a file, and is not kept in memory while nobody asks.
AWAY_TOKENS_MIN = 128

log = Log("prefixes")


class CacheTools(Protocol):
    """Operations on KV caches."""

    def copy(self, cache: list[Any]) -> list[Any]: ...

    def settle(self, cache: list[Any]) -> None: ...

    def trim(self, cache: list[Any], tokens: int) -> None: ...

    def removable(self, cache: list[Any]) -> int: ...

    def has_length(self, cache: list[Any], tokens: int) -> bool: ...

    def size(self, cache: list[Any]) -> int: ...


@dataclass
class _Entry:
    tokens: "np.ndarray[Any, np.dtype[np.int32]]"
    cache: list[Any]
    size: int
    kind: PrefixKind
    # How many of its last tokens can be removed.
    removable: int
    # The adapter that computed it.
    adapter: str = ""
    used: int = 0
    # Whether a later prompt has built upon it, or upon the one that it continues.
    is_continued: bool = False
    # Whether the store did not take it, so that it stays in memory.
    is_refused: bool = False

    @property
    def serves_its_prefixes(self) -> bool:
        """Whether it also serves every prompt that one of its own prefixes serves."""
        return self.removable == len(self.tokens)


class PrefixCache:
    """The prefix cache of one model. Sizes are bytes. `adapter`: key of the adapter that computes; its entries serve no other, and stay in memory."""

    def __init__(self, tools: CacheTools, size_max: int, disk: PrefixStore | None = None):
        self._tools, self._size_max, self._disk = tools, size_max, disk
        self._entries: list[_Entry] = []
        self._clock = 0
        self.size = 0

    def find(self, tokens: list[int], adapter: str = "") -> tuple[list[Any] | None, int]:
        """(independent cache, number of the prompt's tokens in it); (None, 0) without a match. At least one token is left to compute."""
        wanted = np.array(tokens, dtype=np.int32)
        best, shared = None, 0
        for entry in self._of(adapter):
            usable = usable_tokens(entry.tokens, entry.removable, wanted)
            if usable > shared:
                best, shared = entry, usable
        if self._disk is not None and not adapter and (stored := self._disk.find(wanted, shared + GAIN_TOKENS_MIN)) is not None:
            read = self._entry(stored.tokens, stored.cache, "answer")
            if read is not None and (usable := usable_tokens(read.tokens, read.removable, wanted)) > shared:
                self._add(read)
                best, shared = read, usable
        if best is None:
            return None, 0
        self._clock += 1
        best.used, best.is_continued = self._clock, True
        cache = self._tools.copy(best.cache)
        self._tools.trim(cache, len(best.tokens) - shared)
        return cache, shared

    def keep(self, tokens: list[int], cache: list[Any], kind: PrefixKind = "answer", adapter: str = "") -> None:
        """Add a cache of these tokens; entries that it makes redundant are dropped."""
        if not tokens or not self._size_max:
            return
        self._tools.settle(cache)
        entry = self._entry(np.array(tokens, dtype=np.int32), cache, kind)
        if entry is None:
            return
        entry.adapter = adapter
        for other in self._of(adapter):
            common = common_tokens(other.tokens, entry.tokens)
            is_same = common == len(other.tokens) == len(entry.tokens)
            if is_same or (entry.serves_its_prefixes and common == len(other.tokens)):
                entry.is_continued |= other.is_continued
                self._drop(other)
        self._add(entry)

    def limit(self, size_max: int) -> None:
        """Change the number of bytes that it may take; evicts what is above."""
        self._size_max = size_max
        self.trim_to(size_max)

    def has(self, tokens: list[int], adapter: str = "") -> bool:
        """Whether there is an entry of exactly these tokens."""
        wanted = np.array(tokens, dtype=np.int32)
        return any(len(entry.tokens) == len(wanted) == common_tokens(entry.tokens, wanted) for entry in self._of(adapter))

    def trim_to(self, size: int) -> None:
        """Evict entries until the cache has at most `size` bytes."""
        while self._entries and self.size > size:
            self._evict()

    def give_back(self) -> bool:
        """Move the oldest answer that no prompt has built upon to the store: nobody asks for anything. False when there is none."""
        if self._disk is None:
            return False
        unused = [entry for entry in self._unused() if not entry.adapter and not entry.is_refused]
        if not unused:
            return False
        oldest = min(unused, key=lambda entry: entry.used)
        is_stored = self._disk.keep(_stored(oldest), AWAY_TOKENS_MIN)
        if is_stored or len(oldest.tokens) < AWAY_TOKENS_MIN:
            self._drop(oldest)
        else:
            oldest.is_refused = True
        return True

    def save(self) -> None:
        """Store the entries on disk, most recently used first, as many as there is time for: the engine ends."""
        ends_at = time.monotonic() + SAVE_S
        if self._disk is not None:
            for entry in sorted(self._of(""), key=lambda entry: -entry.used):
                if time.monotonic() > ends_at:
                    return
                self._disk.keep(_stored(entry))

    def _unused(self) -> list[_Entry]:
        """Answers that no later prompt has built upon."""
        return [entry for entry in self._entries if entry.kind == "answer" and not entry.is_continued]

    def _of(self, adapter: str) -> list[_Entry]:
        return [entry for entry in self._entries if entry.adapter == adapter]

    def _entry(self, tokens: "np.ndarray[Any, np.dtype[np.int32]]", cache: list[Any], kind: PrefixKind) -> _Entry | None:
        """An entry of a cache; None when the cache does not have these tokens."""
        if not self._tools.has_length(cache, len(tokens)):
            log.error("cache does not have its tokens, dropped", tokens=len(tokens), entry=kind)
            return None
        return _Entry(tokens, cache, self._tools.size(cache), kind, self._tools.removable(cache))

    def _add(self, entry: _Entry) -> None:
        self._clock += 1
        entry.used = self._clock
        self._entries.append(entry)
        self.size += entry.size
        while len(self._entries) > 1 and (len(self._entries) > ENTRIES_MAX or self.size > self._size_max):
            self._evict(but=entry)
        if self.size > self._size_max:
            self._drop(entry)
        unused = self._unused()
        if len(unused) > UNUSED_MAX:
            self._move_to_disk(min(unused, key=lambda other: other.used))

    def _evict(self, but: _Entry | None = None) -> None:
        order = {"answer": 0, "prompt": 0, "system": 1}
        self._move_to_disk(min((entry for entry in self._entries if entry is not but), key=lambda entry: (order[entry.kind], entry.used)))

    def _move_to_disk(self, oldest: _Entry) -> None:
        """Remove an entry from memory; the store keeps it if there is one."""
        if self._disk is not None and not oldest.adapter:
            self._disk.keep(_stored(oldest))
        self._drop(oldest)

    def _drop(self, entry: _Entry) -> None:
        self._entries = [other for other in self._entries if other is not entry]
        self.size -= entry.size


def _stored(entry: _Entry) -> Stored:
    return Stored(entry.tokens, entry.cache, entry.removable)
