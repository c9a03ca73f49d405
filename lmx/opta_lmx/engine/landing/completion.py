"""Finds texts that the grammar accepts: the rest of a scalar, of which only the grammar knows what it may hold, and ends of answers."""

import heapq
import itertools
from typing import Any

from .json_cursor import Ending, JsonCursor
from .token_bytes import TokenBytes

# Steps of a search for the shortest text; after them the search goes straight ahead.
BREADTH_STEPS, DEPTH_STEPS = 250, 400
ENDINGS_MAX = 100
# Bytes that are tried first, in this order; of the rest one of each kind is enough.
_FIRST = b'"0123456789}],:{[-.Ttaefnlrsu'
_DIGITS, _UPPER, _LOWER = b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"


class Completions:
    """The completions of one grammar. Matchers that are passed in stay as they are."""

    def __init__(self, tokens: TokenBytes):
        self._tokens = tokens
        # Searches so far: each takes tens of milliseconds.
        self.searches = 0
        ids = [(byte, tokens.spelling(bytes((byte,)))) for byte in range(256)]
        self._bytes: dict[int, int] = {byte: spelled[0] for byte, spelled in ids if spelled}

    def best(self, matcher: Any, cursor: JsonCursor) -> list[int] | None:
        """A short completion in tokens, after which the grammar is satisfied; None when none is found."""
        if matcher.is_accepting():
            return []
        for ending in cursor.endings()[:ENDINGS_MAX]:
            if (found := self._of_ending(matcher, ending)) is not None:
                return found
        text = self.search(matcher, b"", 60, 120)
        return None if text is None else self._tokens.spelling(text)

    def holds(self, matcher: Any, tokens: list[int]) -> bool:
        """Whether these tokens may follow, and satisfy the grammar."""
        if matcher.validate_tokens(tokens) != len(tokens):
            return False
        last = matcher.deep_copy()
        return bool(last.consume_tokens(tokens) and last.is_accepting())

    def search(self, matcher: Any, ending: bytes, breadth: int = BREADTH_STEPS, depth: int = DEPTH_STEPS) -> bytes | None:
        """The shortest text that the grammar accepts before `ending`, which ends the answer; None when none is found."""
        self.searches += 1
        spelled = self._tokens.spelling(ending) or []
        order = itertools.count()
        heap: list[tuple[int, int, bytes, Any]] = [(0, next(order), b"", matcher.deep_copy())]
        farthest = heap[0]
        for _ in range(breadth):
            if not heap:
                return None
            node = heapq.heappop(heap)
            _, _, text, at = node
            if self.holds(at, spelled):
                return text + ending
            if len(text) > len(farthest[2]):
                farthest = node
            for more in self._next(at):
                copy = at.deep_copy()
                if copy.consume_tokens([self._bytes[byte] for byte in more]):
                    heapq.heappush(heap, (len(text) + len(more), next(order), text + more, copy))
        return self._ahead(farthest[2], farthest[3], spelled, ending, depth)

    def _ahead(self, text: bytes, at: Any, spelled: list[int], ending: bytes, steps: int) -> bytes | None:
        for _ in range(steps):
            if self.holds(at, spelled):
                return text + ending
            more = next(iter(self._next(at)), b"")
            if not more or not at.consume_tokens([self._bytes[byte] for byte in more]):
                return None
            text += more
        return None

    def _of_ending(self, matcher: Any, ending: Ending) -> list[int] | None:
        text = self.search(matcher, ending.text, 60, 60) if ending.searched else ending.text
        tokens = None if text is None else self._tokens.spelling(text)
        return tokens if tokens is not None and self.holds(matcher, tokens) else None

    def _next(self, matcher: Any) -> list[bytes]:
        """Texts of which one may come next."""
        forced: bytes = matcher.compute_ff_bytes()
        if forced and all(byte in self._bytes for byte in forced):
            return [forced]
        mask: bytes = matcher.compute_bitmask()
        allowed = [byte for byte, token in self._bytes.items() if mask[token >> 3] >> (token & 7) & 1]
        found = [byte for byte in _FIRST if byte in allowed]
        for kind in (_LOWER, _UPPER):
            if not set(kind) & set(found):
                found += [byte for byte in kind if byte in allowed][:1]
        others = [byte for byte in allowed if byte not in _FIRST + _LOWER + _UPPER and 0x20 <= byte < 0x7F]
        found += others[:8]
        return [bytes((byte,)) for byte in found] or [bytes((byte,)) for byte in allowed[:2]]
