"""Continuous batching: the sequences that are prefilled and decoded together in one mlx-lm BatchGenerator."""

import itertools
import time
from collections.abc import Callable
from typing import Any

from ..ipc.messages import EngineMessage
from .cache.kv_cache import KvCaches
from .cache.prefix_cache import PrefixCache
from .prefill_pacing import PrefillPacer
from .sequence import Sequence


class TokenBatch:
    """`make` returns a fresh generator. `ends`: the tokens that end an answer. `adapter`: key of the adapter that computes; '' for none."""

    def __init__(
        self,
        make: Callable[[], Any],
        ends: list[int],
        prefixes: PrefixCache,
        caches: KvCaches,
        pacer: PrefillPacer,
        adapter: str = "",
    ):
        self._make, self._ends = make, ends
        self._prefixes, self._caches, self._pacer, self._adapter = prefixes, caches, pacer, adapter
        self._generator: Any = make()
        self._sequences: dict[int, Sequence] = {}
        self._uids: dict[int, int] = {}
        # When the last step began that gave tokens of answers.
        self._answered_at = 0.0

    def __len__(self) -> int:
        return len(self._sequences)

    @property
    def sizes(self) -> list[int]:
        """Bytes that the KV cache of each sequence can take."""
        return [sequence.size for sequence in self._sequences.values()]

    def remove(self, order_id: int) -> None:
        """Remove the sequence of an order, if it is here."""
        uid = self._uids.pop(order_id, None)
        if uid is not None:
            self._sequences.pop(uid, None)
            self._generator.remove([uid])

    def start_over(self) -> list[int]:
        """Drop every sequence and start with a fresh generator; returns the ids of the dropped orders."""
        dropped = list(self._uids)
        self._sequences.clear()
        self._uids.clear()
        self._generator = self._make()
        return dropped

    def insert(self, sequence: Sequence, cache: Any, known: list[int], rest: list[int]) -> None:
        """Add a sequence. `cache`: KV cache of its `known` tokens, or None; `rest`: tokens still to compute."""
        segments, sequence.checkpoints = self._segments(sequence, len(known), rest)
        (uid,) = self._generator.insert_segments(
            [segments],
            max_tokens=[sequence.answer_tokens_max - sequence.tokens],
            caches=[cache] if cache is not None else None,
            all_tokens=[known],
            samplers=[sequence.sampler],
            logits_processors=[sequence.processors],
        )
        self._sequences[uid], self._uids[sequence.order.id] = sequence, uid

    def _segments(self, sequence: Sequence, known: int, rest: list[int]) -> tuple[list[list[int]], list[tuple[int, bool]]]:
        """The rest of a prompt in segments that end at its checkpoints."""
        checkpoints = [] if sequence.tokens else sequence.checkpoints
        checkpoints = [
            (at, is_system) for at, is_system in checkpoints if at > known and not self._prefixes.has(sequence.prompt[:at], self._adapter)
        ]
        cuts = [0, *(at - known for at, _ in checkpoints), len(rest)]
        return [rest[begin:end] for begin, end in itertools.pairwise(cuts)], checkpoints

    def step(self) -> list[EngineMessage]:
        """One token for every sequence that decodes, and one chunk of every prompt that is computed now."""
        # In the order in which they came, which is the one in which the generator takes them.
        prefilling = [sequence for sequence in self._sequences.values() if sequence.is_prefilling]
        started = time.monotonic()
        self._generator._generation_batch.is_held = bool(prefilling) and self._pace(prefilling, started)
        prompts, answers = self._generator.next()
        if answers or len(prefilling) == len(self._sequences):
            self._answered_at = started
        computed = sum(self._sequences[prompt.uid].note_prefill(prompt) for prompt in prompts if prompt.uid in self._sequences)
        if computed and not answers:
            self._pacer.note(computed, time.monotonic() - started)
        for prompt in prompts:
            if prompt.end_of_segment and not prompt.end_of_prompt and prompt.uid in self._sequences:
                self._keep_checkpoint(prompt.uid, self._sequences[prompt.uid])
        messages: list[EngineMessage] = []
        for answer in answers:
            sequence = self._sequences.get(answer.uid)
            if sequence is not None and not sequence.is_ahead:
                messages += sequence.take(answer.token, answer.logprobs, answer.finish_reason)
                if sequence.is_over:
                    self._end(answer, sequence)
            elif sequence is not None:
                sequence.is_ahead = False
        for prompt in prompts:
            if prompt.end_of_prompt and prompt.uid in self._sequences:
                messages += self._take_first(prompt.uid, self._sequences[prompt.uid])
        return messages

    def _pace(self, prefilling: list[Sequence], now: float) -> bool:
        """Choose how much of which prompts is computed in this step. Returns whether answers wait for them."""
        began_at = [sequence.began_at for sequence in self._sequences.values() if not sequence.is_prefilling]
        # A full batch takes no further sequence: then only answers make progress.
        is_full = len(began_at) >= self._generator.completion_batch_size
        is_held = not is_full and self._pacer.holds(began_at, prefilling[0].began_at, now - self._answered_at)
        is_decoding = bool(began_at) and not is_held
        new = [sequence.prompt_left for sequence in prefilling if not sequence.prefilled]
        begun = [sequence.prompt_left for sequence in prefilling if sequence.prefilled]
        # Prompts in one pass compute as many tokens as the one with most, so further ones begin when these have ended. The last token
        # of a prompt gives the first of its answer, which would be reported behind what is computed for others in that step.
        is_closed = bool(begun) and not any(map(self._pacer.is_long, begun))
        at_once = 0 if is_closed else max(0, self._pacer.prompts([*begun, *new], is_decoding=is_decoding) - len(begun))
        together = [*begun, *new[:at_once]]
        self._generator.prefill_batch_size = len(self._generator._prompt_batch) + at_once
        self._generator.prefill_step_size = self._pacer.chunk(together, is_decoding=is_decoding)
        return is_held

    def _take_first(self, uid: int, sequence: Sequence) -> list[EngineMessage]:
        """Report the first token as soon as it is sampled: the generator reports it one step later, with the second one."""
        begun = self._generator._generation_batch
        at = begun.uids.index(uid)
        token = int(begun._next_tokens[at].item())
        is_end = token in self._ends
        finish = "stop" if is_end else "length" if sequence.answer_tokens_max == sequence.tokens + 1 else None
        messages = sequence.take(token, begun._next_logprobs[at], finish)
        sequence.is_ahead = True
        if sequence.is_over:
            for cache, tokens in self._generator.remove([uid], return_prompt_caches=True).values():
                self._keep(tokens, cache)
            self._forget(uid, sequence)
        return messages

    def _keep_checkpoint(self, uid: int, sequence: Sequence) -> None:
        at, is_system = next(
            ((at, is_system) for at, is_system in sequence.checkpoints if at == sequence.cached + sequence.prefilled), (0, False)
        )
        if at:
            cache, _ = self._generator.extract_cache([uid])[uid]
            self._prefixes.keep(sequence.prompt[:at], self._caches.copy(cache), "system" if is_system else "prompt", self._adapter)

    def _end(self, answer: Any, sequence: Sequence) -> None:
        """The sequence is complete: keep its KV cache for later prompts."""
        if answer.finish_reason is None:
            for cache, tokens in self._generator.remove([answer.uid], return_prompt_caches=True).values():
                self._keep(tokens, cache)
        elif answer.prompt_cache is not None:
            self._keep(answer.all_tokens, answer.prompt_cache)
        self._forget(answer.uid, sequence)

    def _keep(self, tokens: Any, cache: list[Any]) -> None:
        self._prefixes.keep([int(token) for token in tokens], cache, adapter=self._adapter)

    def _forget(self, uid: int, sequence: Sequence) -> None:
        self._sequences.pop(uid, None)
        self._uids.pop(sequence.order.id, None)
