"""Proposes the next tokens of an answer by copying: where the last tokens have occurred before, what followed them then follows again.

An agent rewrites files, quotes results and repeats names, so much of what it says stands in its prompt or in its answer so far.
Proposals cost nothing to make; checking those that are wrong does. The rule when to stop is fixed, and users can read it:
after `JUDGED_AFTER` proposals of which less than `SHARE_MIN` were accepted, none are made for `REST_TOKENS` tokens, and each further
time for twice as many. Knows no mlx.
"""

import numpy as np

# So many tokens have to be the same before the position that is copied from.
MATCH_TOKENS = 3
# Of several positions, the one with the most tokens in common before it is taken; so many are compared at most.
POSITIONS_MAX, COMMON_MAX = 32, 32
# Where a copy broke off, it goes on as soon as one token is found again so near: an edit replaces, adds or leaves out a few tokens.
BACK_TOKENS, AHEAD_TOKENS = 4, 24
PROPOSALS_MIN, PROPOSALS_MAX = 4, 16
JUDGED_AFTER, SHARE_MIN = 24, 0.4
REST_TOKENS, REST_TOKENS_MAX = 48, 768
GROWTH_TOKENS = 1024
# How probable it is that an expected token comes, before anything is known, and the share of a new one in that average.
CHANCE, NEW_SHARE = 0.75, 0.125


class PromptLookup:
    """The tokens of one sequence, prompt and answer."""

    def __init__(self, tokens: list[int]):
        self._tokens = np.zeros(len(tokens) + GROWTH_TOKENS, dtype=np.int32)
        self._tokens[: len(tokens)] = tokens
        self._size = len(tokens)
        # Where the token after the last one is expected to be found again; -1: not known.
        self._at = -1
        # Where the last copy broke off; -1: nowhere.
        self._broken_at = -1
        self._count = PROPOSALS_MIN
        self._proposed = self._accepted = 0
        self._rest_until, self._rest = 0, REST_TOKENS
        self._chance = CHANCE

    def take(self, token: int) -> None:
        """The next token of the sequence."""
        if self._size == len(self._tokens):
            self._tokens = np.concatenate([self._tokens, np.zeros(max(GROWTH_TOKENS, self._size // 2), dtype=np.int32)])
        self._tokens[self._size] = token
        if 0 <= self._at < self._size and self._tokens[self._at] == token:
            self._at, self._broken_at = self._at + 1, -1
            self._chance += NEW_SHARE * (1 - self._chance)
        elif self._at >= 0:
            self._at, self._broken_at = -1, self._at
            self._chance -= NEW_SHARE * self._chance
        self._size += 1

    def expects(self) -> int | None:
        """The token that is expected next; None when nothing is proposed after it."""
        if self._size < self._rest_until or self._size < MATCH_TOKENS:
            return None
        if self._at < 0:
            self._at = self._find()
        if self._at < 0 and self._broken_at >= 0:
            self._at = self._find_near()
        return int(self._tokens[self._at]) if 0 <= self._at < self._size - 1 else None

    def propose(self, most: int) -> list[int]:
        """What follows the expected token, `most` tokens at the most."""
        begin = self._at + 1
        return [int(token) for token in self._tokens[begin : min(self._size, begin + min(most, self._count))]]

    def chances(self, count: int, *, is_expected: bool) -> list[float]:
        """How probable it is that the first of `count` proposals is accepted, that the first two are, and so on.

        `is_expected`: the token before them is known to be the one that was expected.
        """
        first = 1 if is_expected else 2
        return [self._chance ** (first + at) for at in range(count)]

    def judge(self, proposed: int, accepted: int) -> None:
        """Of the last proposals, so many were accepted."""
        self._proposed += proposed
        self._accepted += accepted
        self._count = min(PROPOSALS_MAX, 2 * self._count) if accepted == proposed else max(PROPOSALS_MIN, accepted + 1)
        if self._proposed >= JUDGED_AFTER:
            if self._accepted < SHARE_MIN * self._proposed:
                self._rest_until, self._rest = self._size + self._rest, min(REST_TOKENS_MAX, 2 * self._rest)
                self._count = PROPOSALS_MIN
            else:
                self._rest = REST_TOKENS
            self._proposed = self._accepted = 0

    def _find(self) -> int:
        """The position after an earlier occurrence of the last tokens: the one with most in common before it, of these the latest."""
        known, size = self._tokens[: self._size], self._size
        last = known[-MATCH_TOKENS:]
        same = known[: size - MATCH_TOKENS] == last[0]
        for at in range(1, MATCH_TOKENS):
            same &= known[at : size - MATCH_TOKENS + at] == last[at]
        positions = np.flatnonzero(same)[-POSITIONS_MAX:] + MATCH_TOKENS
        best, most = -1, 0
        for position in positions.tolist():
            common = self._common(int(position))
            if common >= most:
                best, most = int(position), common
        return best

    def _find_near(self) -> int:
        """The position after the last token near the place where the copy broke off: the one with most in common, of these the first."""
        begin, end = max(0, self._broken_at - BACK_TOKENS), min(self._size - 1, self._broken_at + AHEAD_TOKENS)
        positions = np.flatnonzero(self._tokens[begin:end] == self._tokens[self._size - 1]) + begin + 1
        return max(map(int, positions), key=lambda position: (self._common(position), -position), default=-1)

    def _common(self, position: int) -> int:
        """How many tokens before `position` are the last tokens."""
        size = min(position, COMMON_MAX)
        different = self._tokens[position - size : position][::-1] != self._tokens[self._size - size : self._size][::-1]
        return int(different.argmax()) if different.any() else size
