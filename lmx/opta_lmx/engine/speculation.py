"""Speculative decoding for a request that is alone: a small model proposes some tokens, the large one checks them in one pass.

A proposal stands when it is the very token that the large model draws at that place, so the answer is the one it would have given
alone (Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", in its simplest form). When
another request comes, or proposals seldom stand, `hand_over` gives back what the batch needs to go on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PROPOSALS_MIN, PROPOSALS_MAX = 2, 8
# After so many proposals, this share of them has to stand for it to be worth while.
JUDGED_AFTER, SHARE_MIN = 48, 0.35
CHUNK_TOKENS = 512


@dataclass
class Models:
    """The two models, how caches for them are made and trimmed, and mlx."""

    large: Any
    small: Any
    make_cache: Callable[[Any], list[Any]]
    trim: Callable[[list[Any], int], None]
    mx: Any


class Speculation:
    """One request. `cache` holds the first `known` tokens of `prompt`, for the large model."""

    def __init__(self, models: Models, prompt: list[int], cache: list[Any] | None, known: int, sampler: Callable[[Any], Any]):
        self._models, self._sampler = models, sampler
        self.tokens = list(prompt)
        self._cache = cache if cache is not None else models.make_cache(models.large)
        self._known = known if cache is not None else 0
        self._small_cache, self._small_known = models.make_cache(models.small), 0
        self._count = 4
        self.proposed = self.stood = 0

    @property
    def is_worth_while(self) -> bool:
        """Whether enough proposals stand."""
        return self.proposed < JUDGED_AFTER or self.stood / self.proposed >= SHARE_MIN

    def step(self) -> list[tuple[int, Any]]:
        """(token, log-probabilities) of each token that came; [] while the prompt is still read."""
        if self._read_on():
            return []
        proposals = self._propose()
        mx = self._models.mx
        logits = self._models.large(mx.array([[self.tokens[-1], *proposals]]), cache=self._cache)[0]
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        drawn = [int(token) for token in self._sampler(logprobs).tolist()]
        stood = next((at for at, token in enumerate(proposals) if drawn[at] != token), len(proposals))
        came = [(drawn[at], logprobs[at]) for at in range(stood + 1)]
        self._known += 1 + stood
        self._models.trim(self._cache, len(proposals) - stood)
        # The small model has seen all proposals but the last.
        self._small_known += max(0, len(proposals) - 1)
        too_many = max(0, len(proposals) - 1 - stood)
        self._models.trim(self._small_cache, too_many)
        self._small_known -= too_many
        self.tokens += [token for token, _ in came]
        self.proposed += len(proposals)
        self.stood += stood
        self._count = min(PROPOSALS_MAX, self._count + 1) if stood == len(proposals) else max(PROPOSALS_MIN, stood + 1)
        return came

    def hand_over(self) -> tuple[list[Any], list[int], list[int]]:
        """(cache, the tokens it holds, those it does not): what the batch goes on with."""
        return self._cache, self.tokens[: self._known], self.tokens[self._known :]

    def _read_on(self) -> bool:
        """Read a piece of the prompt; False once all but its last token are known to the large model."""
        mx = self._models.mx
        if self._known < len(self.tokens) - 1:
            piece = self.tokens[self._known : min(len(self.tokens) - 1, self._known + CHUNK_TOKENS)]
            self._models.large(mx.array([piece]), cache=self._cache)
            mx.eval([layer.state for layer in self._cache])
            self._known += len(piece)
            return True
        if self._small_known < len(self.tokens) - CHUNK_TOKENS:
            piece = self.tokens[self._small_known : self._small_known + CHUNK_TOKENS]
            self._models.small(mx.array([piece]), cache=self._small_cache)
            mx.eval([layer.state for layer in self._small_cache])
            self._small_known += len(piece)
            return True
        return False

    def _propose(self) -> list[int]:
        mx = self._models.mx
        unread = self.tokens[self._small_known :]
        proposals: list[int] = []
        for _ in range(self._count):
            logits = self._models.small(mx.array([unread]), cache=self._small_cache)[0, -1:]
            self._small_known += len(unread) if not proposals else 0
            unread = [int(self._sampler(logits - mx.logsumexp(logits, axis=-1, keepdims=True)).item())]
            proposals += unread
        return proposals
