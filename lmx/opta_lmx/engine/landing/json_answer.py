"""JSON that lands: which tokens may come next, so that the answer is complete within its token budget.

**Invariant:** once a completion of the grammar fits into the budget, one always does. Far from the end every token of the grammar is
allowed; near it a token is sampled here, and taken only when a completion still fits after it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..mlx_adapter import mx
from .completion import Completions
from .json_cursor import JsonCursor
from .token_bytes import Mask, TokenBytes

NEVER = float("-inf")
# Tokens that are sampled before the completion itself is taken.
TRIES_MAX = 16
# Searches of the grammar for one token: others wait meanwhile.
SEARCHES_MAX = 2
NUMBER_BYTES_MAX = 16
# A string or an array takes at most this share of the budget while required properties are missing.
SHARE_LEFT = 8
_NUMERIC, _EXPONENT = rb"[0-9.eE+-]", rb"-?[0-9.]*[eE]"

# Log-probabilities, and the number of the token in the output, to a token.
Sampler = Callable[[Any, int], Any]


class JsonGrammar:
    """A compiled grammar. `matcher`: of llguidance, at its start; `slack`: tokens that one token can add to a shortest completion, about."""

    def __init__(self, matcher: Any, cursor: JsonCursor, completions: Completions, tokens: TokenBytes, ends: list[int], slack: int):
        self.matcher, self.cursor, self.completions, self.tokens, self.ends, self.slack = matcher, cursor, completions, tokens, ends, slack
        self.shortest = completions.best(matcher, cursor)

    @property
    def tokens_min(self) -> int:
        """Tokens of its shortest completion; 0 when that is not known."""
        return len(self.shortest or ())


class Position(NamedTuple):
    """The state after some tokens. `completion`: one that was found `age` tokens ago, None when none was."""

    matcher: Any
    cursor: JsonCursor
    completion: list[int] | None
    age: int = 0


class JsonAnswer:
    """One answer. `budget`: the number of tokens that it may have; `sampler`: for tokens that are tried."""

    def __init__(self, grammar: JsonGrammar, budget: int, sampler: Sampler):
        self._grammar, self._sampler, self.budget = grammar, sampler, budget
        self._now = Position(grammar.matcher.deep_copy(), grammar.cursor, grammar.shortest)
        self._reserve, self._is_hurried = budget // SHARE_LEFT, False
        # Whether it became shorter than the model would have made it.
        self.is_cut = False
        # What was found out about a sampled token before it was taken.
        self._foreseen: tuple[int, Position] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, and nothing may follow."""
        return bool(self._now.matcher.is_stopped())

    @property
    def is_accepted(self) -> bool:
        """Whether the answer may end here."""
        return bool(self._now.matcher.is_accepting())

    @property
    def has_slack(self) -> bool:
        """Whether the budget is larger than the shortest completion by far."""
        return self.budget > self._length + self._grammar.slack

    def take(self, token: int) -> None:
        """Take the next token of the answer."""
        if self.is_whole or token in self._grammar.ends:
            return
        self._now = self._foreseen[1] if self._foreseen is not None and self._foreseen[0] == token else self._after(token)
        self._foreseen = None
        self.budget -= 1

    def only_allowed(self, logits: Any, at: int) -> Any:
        """Logits of shape (1, vocabulary) in which every token that may not come next is impossible. `at`: its number in the output."""
        size = logits.shape[-1]
        if self.is_whole:
            return only(mask_of(self._grammar.ends, size), logits)
        allowed = self.allowed(size)
        if self.budget > self._length + max(self._grammar.slack, self._reserve):
            return only(allowed, logits)
        self._now = self._renewed(self._now, self.budget)
        completion = self._now.completion
        if completion and self._is_late(completion):
            self.is_cut |= int(mx.argmax(only(allowed, logits), axis=-1).item()) != completion[0]
            return only(mask_of(completion[:1], size), logits)
        if completion is None or self.has_slack:
            return only(allowed, logits)
        return self._one_that_lands(completion, allowed, logits, at)

    def allowed(self, size: int) -> Mask:
        """Which tokens the grammar allows next; numbers have an end."""
        words = np.frombuffer(self._now.matcher.compute_bitmask(), dtype=np.uint8)
        allowed = padded(np.unpackbits(words, bitorder="little").astype(bool), size)
        if not (allowed & self._speaking(size)).any():
            # The library takes a forced text that looks like a special token for that token, and refuses it afterwards.
            allowed = mask_of((self._grammar.tokens.spelling(self._now.matcher.compute_ff_bytes()) or self._grammar.ends)[:1], size)
        if self._now.cursor.number_length >= NUMBER_BYTES_MAX:
            allowed = self._without(allowed, _NUMERIC)
        if self._now.cursor.number_length or self._now.cursor.where in ("value", "first entry"):
            allowed = self._without(allowed, _EXPONENT)
        return allowed

    def _speaking(self, size: int) -> Mask:
        """Tokens that spell something, and the ends."""
        return padded(self._grammar.tokens.matching(rb"(?s:.)"), size) | mask_of(self._grammar.ends, size)

    def _without(self, allowed: Mask, pattern: bytes) -> Mask:
        rest = allowed & ~padded(self._grammar.tokens.matching(pattern), len(allowed))
        return rest if rest.any() else allowed

    @property
    def _length(self) -> int:
        """Tokens of the shortest completion, at most."""
        return len(self._now.completion or ()) + self._now.age * self._grammar.slack

    def _is_late(self, completion: list[int]) -> bool:
        """Whether a string or an array has to end now, so that the properties after it are more than empty."""
        left = self.budget - len(completion)
        if self._now.cursor.where != "string" and not self._now.cursor.is_after_entry:
            if self._is_hurried:
                self._is_hurried, self._reserve = False, max(0, left) // SHARE_LEFT
            return False
        if left > self._reserve or not self._now.cursor.owes:
            return False
        self._is_hurried = True
        return True

    def _one_that_lands(self, completion: list[int], allowed: Mask, logits: Any, at: int) -> Any:
        """Sample a token after which a completion still fits; at last the next one of the completion that is known."""
        size = logits.shape[-1]
        rest = allowed.copy()
        searches = self._grammar.completions.searches + SEARCHES_MAX
        for _ in range(TRIES_MAX):
            if not rest.any() or self._grammar.completions.searches >= searches:
                break
            masked = only(rest, logits)
            token = int(self._sampler(masked - mx.logsumexp(masked, axis=-1, keepdims=True), at).item())
            if not rest[token]:
                break
            if token in self._grammar.ends:
                return only(mask_of([token], size), logits)
            foreseen = self._renewed(self._after(token), self.budget - 1)
            if foreseen.completion is not None and len(foreseen.completion) <= self.budget - 1:
                self._foreseen = token, foreseen
                return only(mask_of([token], size), logits)
            self.is_cut, rest[token] = True, False
        return only(mask_of(completion[:1] or self._grammar.ends, size), logits)

    def _after(self, token: int) -> Position:
        matcher = self._now.matcher.deep_copy()
        matcher.consume_token(token)
        cursor, known = self._now.cursor.after(self._grammar.tokens.of(token)), self._now.completion
        if known and known[0] == token and not self._now.age:
            return Position(matcher, cursor, known[1:])
        return Position(matcher, cursor, known, self._now.age + 1)

    def _renewed(self, at: Position, budget: int) -> Position:
        """The position with a completion of its own. The one that is known may still do: most tokens are inside of a string."""
        if not at.age:
            return at
        known, completions = at.completion, self._grammar.completions
        if known is not None and len(known) <= budget and completions.holds(at.matcher, known):
            return at._replace(age=0)
        found = completions.best(at.matcher, at.cursor)
        return (
            at
            if found is None and budget > len(known or ()) + self._grammar.slack
            else at._replace(completion=found, age=int(found is None))
        )


def padded(mask: Mask, size: int) -> Mask:
    """A mask of tokens as one of logits, which may be more or fewer."""
    found = np.zeros(size, dtype=bool)
    found[: len(mask)] = mask[:size]
    return found


def mask_of(ids: list[int], size: int) -> Mask:
    allowed = np.zeros(size, dtype=bool)
    allowed[ids] = True
    return allowed


def only(allowed: Mask, logits: Any) -> Any:
    return mx.where(mx.array(allowed), logits, NEVER)
