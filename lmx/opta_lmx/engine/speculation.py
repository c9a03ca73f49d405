"""Speculative decoding of a single running request: a draft model proposes tokens, the large model checks them in one pass.

A proposal is accepted when the large model samples the same token at that position, so the answer is the one of the large model
alone (Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", in its simplest form). When
another request arrives, or too few proposals are accepted, `hand_over` returns the state with which the batch continues.
"""

from collections.abc import Callable
from typing import Any

from .cache.rewind import can_cut, cut, mark
from .draft_model import DraftPair
from .mlx_adapter import mx

PROPOSALS_MIN, PROPOSALS_MAX = 2, 8
# After this many proposals, at least this share must have been accepted.
JUDGED_AFTER, SHARE_MIN = 48, 0.35
CHUNK_TOKENS = 512
# So few unread tokens are computed in the pass that gives the next token.
UNREAD_MAX = PROPOSALS_MAX + 2


class Speculation:
    """One request. `cache`: the large model's KV cache of the first `known` tokens of `prompt`."""

    def __init__(self, models: DraftPair, prompt: list[int], cache: list[Any] | None, known: int, sampler: Callable[[Any], Any]):
        self._models, self._sampler = models, sampler
        self.tokens = list(prompt)
        self._cache = cache if cache is not None else models.make_cache(models.large)
        self._known = known if cache is not None else 0
        self._small_cache, self._small_known = models.make_cache(models.small), 0
        # Otherwise the accepted tokens of a pass with a rejected one are computed again in the next, which then proposes none.
        self._can_cut = can_cut(self._cache)
        self._count = 4
        self.proposed = self.accepted = 0

    @property
    def is_worthwhile(self) -> bool:
        """Whether enough proposals are accepted."""
        return self.proposed < JUDGED_AFTER or self.accepted / self.proposed >= SHARE_MIN

    def step(self) -> list[tuple[int, Any]]:
        """(token, log-probabilities) of each new token; [] during prefill."""
        if self._prefill():
            return []
        unread = self.tokens[self._known :]
        proposals = self._propose() if len(unread) == 1 else []
        restore = mark(self._cache) if proposals and not self._can_cut else None
        logits = self._models.large(mx.array([[*unread, *proposals]]), cache=self._cache)[0, len(unread) - 1 :]
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        drawn = [int(token) for token in self._sampler(logprobs).tolist()]
        accepted = next((at for at, token in enumerate(proposals) if drawn[at] != token), len(proposals))
        new = [(drawn[at], logprobs[at]) for at in range(accepted + 1)]
        if accepted == len(proposals) or restore is None:
            cut(self._cache, len(proposals) - accepted)
            self._known += len(unread) + accepted
        else:
            restore()
        self.tokens += [token for token, _ in new]
        if proposals:
            self.proposed += len(proposals)
            self.accepted += accepted
            self._count = min(PROPOSALS_MAX, self._count + 1) if accepted == len(proposals) else max(PROPOSALS_MIN, accepted + 1)
        return new

    def hand_over(self) -> tuple[list[Any], list[int], list[int]]:
        """(KV cache, tokens in it, tokens still to compute): the state with which the batch continues."""
        return self._cache, self.tokens[: self._known], self.tokens[self._known :]

    def _prefill(self) -> bool:
        """Compute a chunk of the prompt; False once all but its last tokens are in both caches."""
        if self._known < len(self.tokens) - UNREAD_MAX:
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
        """The small model reads what is accepted, and continues it. Its own proposals leave its cache again: each pass of one token
        makes a window forget another.
        """
        unread = self.tokens[self._small_known :]
        proposals: list[int] = []
        restore: Callable[[], None] | None = None
        for _ in range(self._count):
            logits = self._models.small(mx.array([unread]), cache=self._small_cache)[0, -1:]
            unread = [int(self._sampler(logits - mx.logsumexp(logits, axis=-1, keepdims=True)).item())]
            proposals += unread
            restore = restore or mark(self._small_cache)
        if restore is not None:
            restore()
        self._small_known = len(self.tokens)
        return proposals
