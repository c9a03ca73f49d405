"""The bytes of a vocabulary's tokens, and the fewest tokens that spell a text."""

import re
from typing import Any

import numpy as np

Mask = np.ndarray[Any, np.dtype[np.bool_]]
# Spellings that are remembered.
_KNOWN_MAX = 20_000


class TokenBytes:
    """`tokenizer`: llguidance's tokenizer. Special tokens spell nothing."""

    def __init__(self, tokenizer: Any):
        ids = range(tokenizer.vocab_size)
        self._bytes: list[bytes] = [b"" if tokenizer.is_special_token(id_) else tokenizer.decode_bytes([id_]) for id_ in ids]
        self._ids = {spelled: id_ for id_, spelled in enumerate(self._bytes) if spelled}
        self._longest = max(map(len, self._ids), default=1)
        self._known: dict[bytes, list[int] | None] = {}
        self._masks: dict[bytes, Mask] = {}

    def of(self, token: int) -> bytes:
        """The bytes of one token; b'' for a special token."""
        return self._bytes[token] if token < len(self._bytes) else b""

    def spelling(self, text: bytes) -> list[int] | None:
        """The fewest tokens that spell `text`; None when the vocabulary cannot."""
        if text not in self._known:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[text] = self._spell(text)
        return self._known[text]

    def cost(self, text: bytes) -> int:
        """The number of tokens of `spelling`; that of its bytes when it cannot be spelled."""
        found = self.spelling(text)
        return len(text) if found is None else len(found)

    def matching(self, pattern: bytes) -> Mask:
        """Which tokens begin with a match of `pattern`, which is a regular expression."""
        if pattern not in self._masks:
            begins = re.compile(pattern).match
            self._masks[pattern] = np.array([begins(spelled) is not None for spelled in self._bytes], dtype=bool)
        return self._masks[pattern]

    def _spell(self, text: bytes) -> list[int] | None:
        size = len(text)
        # best[at]: fewest tokens for text[at:], and the first one of them.
        best: list[tuple[int, int]] = [(0, -1)] * (size + 1)
        for at in range(size - 1, -1, -1):
            found = (size + 1, -1)
            for end in range(at + 1, min(size, at + self._longest) + 1):
                token = self._ids.get(text[at:end], -1)
                if token >= 0 and best[end][0] + 1 < found[0]:
                    found = (best[end][0] + 1, token)
            best[at] = found
        tokens: list[int] = []
        at = 0
        while at < size:
            if best[at][1] < 0:
                return None
            tokens.append(best[at][1])
            at += len(self._bytes[best[at][1]])
        return tokens
