"""A generation batch of mlx-lm that checks several proposed tokens of each sequence in one forward pass.

Exact by construction: a proposal is accepted when the model draws the same token at that position, with the sequence's own sampler and
processors, which see accepted tokens only and in order, as without proposals. (For proposals that are copied, drawing and
comparing is the acceptance rule of Leviathan, Kalman and Matias.) Each pass gives each sequence at least one token.
"""

import time
from dataclasses import dataclass
from typing import Any

from .cache.batch_rewind import can_cut, can_mark, cut, mark, set_in_order
from .mlx_adapter import GenerationBatch, mx
from .pass_costs import PassCosts
from .prompt_lookup import PromptLookup

# Tokens of all sequences in one pass.
PASS_TOKENS_MAX = 64
# Rows with different numbers of accepted tokens gain padding; it is removed after so many passes.
COMPACT_PASSES = 64


@dataclass
class PassCounts:
    """Forward passes after the prompt and the tokens that they gave, of each sequence and added up; proposals of these tokens."""

    passes: int = 0
    tokens: int = 0
    proposed: int = 0
    accepted: int = 0


class DraftingBatch(GenerationBatch):
    """Replaces the generator's own batch. `is_held`: nothing is computed for now. `can_draft`: whether tokens are proposed."""

    is_held: bool
    can_draft: bool

    _lookups: dict[int, PromptLookup]
    _counts: PassCounts
    _costs: PassCosts

    @classmethod
    def of(cls, generator: Any, counts: PassCounts, costs: PassCosts, *, can_draft: bool) -> "DraftingBatch":
        """An empty batch for a generator of mlx-lm."""
        made = cls.empty(generator.model, generator.sampler)
        made._lookups, made._counts, made._costs = {}, counts, costs
        made.is_held, made.can_draft = False, can_draft
        return made

    def next(self) -> list[Any]:
        """The responses of one pass, or of two after a rejection that a state of fixed size cannot take back; several for a sequence."""
        plain: Any = super()
        if self.is_held or not self.uids:
            return []
        if not self.can_draft:
            return list(plain.next())
        began_at, rows = time.perf_counter(), len(self.uids)
        self._lookups = {uid: self._lookups.get(uid) or PromptLookup(tokens) for uid, tokens in zip(self.uids, self.tokens, strict=True)}
        proposals = self._proposals()
        if not any(proposals):
            self._counts.passes += rows
        responses: list[Any] = self._check(proposals) if any(proposals) else plain.next()
        self._costs.note(rows, max(map(len, proposals), default=0), began_at, time.perf_counter())
        self._counts.tokens += len(responses)
        for response in responses:
            self._lookups[response.uid].take(response.token)
        self._compact()
        return responses

    def _proposals(self) -> list[list[int]]:
        """Proposals after the next token of each sequence, which is drawn already; [] when a pass of one token each is better."""
        lookups = [self._lookups[uid] for uid in self.uids]
        expected = [lookup.expects() for lookup in lookups]
        # Reading the next tokens waits for them: not without a reason.
        if not any(token is not None for token in expected) or not (
            can_cut(self.prompt_cache) or (len(lookups) == 1 and can_mark(self.prompt_cache))
        ):
            return []
        most = PASS_TOKENS_MAX // len(lookups) - 1
        offers = [
            lookup.propose(min(most, self.max_tokens[at] - self._num_tokens[at] - 1)) if token is not None else []
            for at, (lookup, token) in enumerate(zip(lookups, expected, strict=True))
        ]
        if not self._best(offers, is_expected=False):
            return []
        found = [offer if token == drawn else [] for offer, token, drawn in zip(offers, expected, self._next_tokens.tolist(), strict=True)]
        width = self._best(found, is_expected=True)
        return _worthwhile([more[:width] for more in found])

    def _best(self, offers: list[list[int]], *, is_expected: bool) -> int:
        lookups = (self._lookups[uid] for uid in self.uids)
        return self._costs.best(
            [lookup.chances(len(offer), is_expected=is_expected) for lookup, offer in zip(lookups, offers, strict=True)]
        )

    def _check(self, proposals: list[list[int]]) -> list[Any]:
        first = [int(token) for token in self._next_tokens.tolist()]
        width = 1 + max(map(len, proposals))
        inputs = [[token, *more, *([0] * (width - 1 - len(more)))] for token, more in zip(first, proposals, strict=True)]
        set_in_order(self.prompt_cache)
        restore = None if can_cut(self.prompt_cache) else mark(self.prompt_cache)
        logits = self.model(mx.array(inputs), cache=self.prompt_cache)
        self._counts.passes += len(first)
        drawn, logprobs = self._draw(logits, inputs, proposals)
        responses: list[Any] = []
        taken: list[int] = []
        keep: list[int] = []
        for at, row in enumerate(drawn):
            finish, accepted = self._finish(at, inputs[at][: len(row)])
            responses += self._responses(at, accepted, [self._next_logprobs[at], *logprobs[at]], finish)
            taken.append(len(accepted))
            if finish is None:
                keep.append(at)
            self._counts.proposed += len(proposals[at])
            self._counts.accepted += len(row) - 1
            if proposals[at]:
                self._lookups[self.uids[at]].judge(len(proposals[at]), len(row) - 1)
        following = [(row[-1], rows[-1]) for row, rows in zip(drawn, logprobs, strict=True)]
        is_whole = True
        if restore is None:
            cut(self.prompt_cache, [width - number for number in taken])
        elif taken[0] < width:
            restore()
            # Computed again with the token after them, so that this pass gives one, too. After the last token there is no need.
            is_whole = bool(keep)
            if is_whole:
                more, following, keep = self._commit(inputs[0][: taken[0]], *following[0])
                responses.append(more)
        self._next_tokens = mx.array([token for token, _ in following], dtype=self._next_tokens.dtype)
        self._next_logprobs = [row for _, row in following]
        return self._end(responses, keep, is_whole=is_whole)

    def _commit(self, accepted: list[int], token: int, logprobs: Any) -> tuple[Any, list[tuple[int, Any]], list[int]]:
        """Compute accepted tokens of the only sequence, and the one after them: its response, what follows it, and what goes on."""
        logits = self.model(mx.array([[*accepted, token]]), cache=self.prompt_cache)[:, -1:]
        self._counts.passes += 1
        drawn, rows = self._draw(logits, [[token]], [[]])
        finish, _ = self._finish(0, [token])
        (response,) = self._responses(0, [token], [logprobs], finish)
        return response, [(drawn[0][0], rows[0][0])], [0] if finish is None else []

    def _responses(self, at: int, tokens: list[int], logprobs: list[Any], finish: str | None) -> list[Any]:
        """The responses for tokens that are in the KV cache now."""
        self.tokens[at].extend(tokens)
        ends = [None] * (len(tokens) - 1) + [finish]
        return [self.Response(self.uids[at], token, row, end, None, None) for token, row, end in zip(tokens, logprobs, ends, strict=False)]

    def _draw(self, logits: Any, inputs: list[list[int]], proposals: list[list[int]]) -> tuple[list[list[int]], list[list[Any]]]:
        """For each sequence, the drawn tokens up to the first that was not proposed, and their log-probabilities."""
        is_sequential = [bool(self.logits_processors[at]) or getattr(self.samplers[at], "is_seeded", False) for at in range(len(inputs))]
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        together = {at: (self.samplers[at] or self.fallback_sampler)(logprobs[at]) for at, alone in enumerate(is_sequential) if not alone}
        mx.eval(logprobs, list(together.values()))
        drawn: list[list[int]] = []
        found: list[list[Any]] = []
        for at, more in enumerate(proposals):
            if at not in together:
                tokens, rows = self._draw_in_order(at, logits[at], inputs[at], more)
            else:
                all_tokens = together[at].tolist()
                size = next((index for index, token in enumerate(more) if all_tokens[index] != token), len(more)) + 1
                tokens, rows = all_tokens[:size], [logprobs[at, index] for index in range(size)]
            drawn.append(tokens)
            found.append(rows)
        return drawn, found

    def _draw_in_order(self, at: int, logits: Any, inputs: list[int], proposals: list[int]) -> tuple[list[int], list[Any]]:
        """As a pass of one token each would: the processors and the sampler see one token after the other, and no rejected one."""
        tokens: list[int] = []
        rows: list[Any] = []
        for index in range(len(proposals) + 1):
            row = logits[index : index + 1]
            if self.logits_processors[at]:
                context = self._token_context[at].update_and_fetch(mx.array(inputs[index : index + 1]))
                for process in self.logits_processors[at]:
                    row = process(context, row)
            logprobs = row - mx.logsumexp(row, axis=-1, keepdims=True)
            tokens.append(int((self.samplers[at] or self.fallback_sampler)(logprobs).item()))
            rows.append(logprobs[0])
            if index == len(proposals) or tokens[-1] != proposals[index]:
                break
        return tokens, rows

    def _finish(self, at: int, accepted: list[int]) -> tuple[str | None, list[int]]:
        """The reason why a sequence ends with one of these tokens, and the tokens up to it."""
        for index, token in enumerate(accepted):
            self._num_tokens[at] += 1
            finish = "length" if self._num_tokens[at] >= self.max_tokens[at] else None
            finish = "stop" if self._matchers[at].advance(token) else finish
            if finish is not None:
                return finish, accepted[: index + 1]
        return None, accepted

    def _end(self, responses: list[Any], keep: list[int], *, is_whole: bool) -> list[Any]:
        """Give the last response of each sequence that ended its cache, if the cache has its tokens, and forget these sequences."""
        for response in responses:
            if response.finish_reason is not None and is_whole:
                at = self.uids.index(response.uid)
                response.prompt_cache, response.all_tokens = self.extract_cache(at), self.tokens[at]
        if len(keep) < len(self.uids):
            self.filter(keep)
        return responses

    def _compact(self) -> None:
        """Sequences of which fewer proposals were accepted than of others have padding before them, which all may have in the end."""
        if self.uids and self._counts.passes % COMPACT_PASSES < len(self.uids):
            for layer in self.prompt_cache:
                layer.filter(list(range(len(self.uids))))


def _worthwhile(proposals: list[list[int]]) -> list[list[int]]:
    """The proposals, cut to a length at which at least half of what a pass computes for them is proposed; [] when there is none.

    Every sequence computes as many tokens as the longest proposal has.
    """
    for width in range(max(map(len, proposals)), 0, -1):
        if 2 * sum(min(width, len(more)) for more in proposals) >= width * len(proposals):
            return [more[:width] for more in proposals]
    return []
