"""The requests that are read and answered together: mlx-lm's BatchGenerator, and what we know of each request in it.

Knows no more of mlx than the generator it is given a maker of.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

from ..ipc.messages import Message
from .cache.kv_cache import Caches
from .cache.prefix_cache import Prefixes
from .prefill_pacing import Pace
from .prompts import Prompts
from .sequence import Sequence


class Batch:
    """`make`: a fresh generator. `ends`: the tokens that end an answer. `can_trim`: whether this model's caches can be cut."""

    def __init__(
        self,
        make: Callable[[], Any],
        ends: list[int],
        prompts: Prompts,
        prefixes: Prefixes,
        caches: Caches,
        pace: Pace,
        *,
        can_trim: bool,
    ):
        self._make, self._ends, self._can_trim = make, ends, can_trim
        self._prompts, self._prefixes, self._caches, self._pace = prompts, prefixes, caches, pace
        self._generator: Any = make()
        self._running: dict[int, Sequence] = {}
        self._uids: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def size(self) -> int:
        """Bytes that its requests may come to take."""
        return sum(request.size for request in self._running.values())

    def remove(self, order_id: int) -> None:
        """Free the slot of a request; nothing when it is not here."""
        uid = self._uids.pop(order_id, None)
        if uid is not None:
            self._running.pop(uid, None)
            self._generator.remove([uid])

    def start_over(self) -> list[int]:
        """Drop everything, with a fresh generator; the orders that were here."""
        dropped = list(self._uids)
        self._running.clear()
        self._uids.clear()
        self._generator = self._make()
        return dropped

    def insert(self, request: Sequence, cache: Any, known: list[int], rest: list[int]) -> None:
        """Take a request in: `cache` holds its `known` tokens, `rest` is still to be read."""
        segments, request.checkpoints = self._segments(request, len(known), rest)
        (uid,) = self._generator.insert_segments(
            [segments],
            max_tokens=[request.room - request.tokens],
            caches=[cache] if cache is not None else None,
            all_tokens=[known],
            samplers=[request.sampler],
            logits_processors=[request.changes],
        )
        self._running[uid], self._uids[request.order.id] = request, uid

    def _segments(self, request: Sequence, known: int, rest: list[int]) -> tuple[list[list[int]], list[tuple[int, bool]]]:
        """The rest of a prompt, cut where a later prompt may part from this one. A cache that can be trimmed needs no such cuts."""
        places = [] if self._can_trim or request.tokens else self._prompts.checkpoints(request.order, request.prompt)
        places = [(at, is_system) for at, is_system in places if at > known and not self._prefixes.has(request.prompt[:at])]
        cuts = [0, *(at - known for at, _ in places), len(rest)]
        return [rest[begin:end] for begin, end in itertools.pairwise(cuts)], places

    def step(self) -> list[Message]:
        """One token for every request that is answered, and one piece of each prompt that is read."""
        reading = sum(request.is_reading for request in self._running.values())
        is_answering = reading < len(self._running)
        if reading:
            self._generator.prefill_step_size = self._pace.chunk(is_answering=is_answering, prompts=reading)
        started = time.monotonic()
        prompts, answers = self._generator.next()
        read = sum(self._running[prompt.uid].read_to(prompt) for prompt in prompts if prompt.uid in self._running)
        if read and not answers:
            self._pace.note(read, time.monotonic() - started)
        for prompt in prompts:
            if prompt.end_of_segment and not prompt.end_of_prompt and prompt.uid in self._running:
                self._keep_checkpoint(prompt.uid, self._running[prompt.uid])
        messages: list[Message] = []
        for answer in answers:
            request = self._running.get(answer.uid)
            if request is not None and not request.is_ahead:
                messages += request.take(answer.token, answer.logprobs, answer.finish_reason)
                if request.is_over:
                    self._end(answer, request)
            elif request is not None:
                request.is_ahead = False
        for prompt in prompts:
            if prompt.end_of_prompt and prompt.uid in self._running:
                messages += self._take_first(prompt.uid, self._running[prompt.uid])
        return messages

    def _take_first(self, uid: int, request: Sequence) -> list[Message]:
        """The first token of an answer as soon as it is there: the batch would tell it with the second one, a step later."""
        begun = self._generator._generation_batch
        at = begun.uids.index(uid)
        token = int(begun._next_tokens[at].item())
        is_end = token in self._ends
        finish = "stop" if is_end else "length" if request.room == request.tokens + 1 else None
        messages = request.take(token, begun._next_logprobs[at], finish)
        request.is_ahead = True
        if request.is_over:
            for cache, tokens in self._generator.remove([uid], return_prompt_caches=True).values():
                self._prefixes.keep([int(token) for token in tokens], cache)
            self._forget(uid, request)
        return messages

    def _keep_checkpoint(self, uid: int, request: Sequence) -> None:
        at, is_system = next(((at, is_system) for at, is_system in request.checkpoints if at == request.cached + request.read), (0, False))
        if at:
            cache, _ = self._generator.extract_cache([uid])[uid]
            self._prefixes.keep(request.prompt[:at], self._caches.copy(cache), "system" if is_system else "prompt")

    def _end(self, answer: Any, request: Sequence) -> None:
        """The request is answered; what was computed for it may serve a later one."""
        if answer.finish_reason is None:
            for cache, tokens in self._generator.remove([answer.uid], return_prompt_caches=True).values():
                self._prefixes.keep([int(token) for token in tokens], cache)
        elif answer.prompt_cache is not None:
            self._prefixes.keep([int(token) for token in answer.all_tokens], answer.prompt_cache)
        self._forget(answer.uid, request)

    def _forget(self, uid: int, request: Sequence) -> None:
        self._running.pop(uid, None)
        self._uids.pop(request.order.id, None)
