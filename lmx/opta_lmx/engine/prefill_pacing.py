"""Chunk size of prefill: small while other requests decode, so that their tokens keep flowing, large while none does.

And how many prompts are computed at once: as few as keep the machine busy, because prompts that are computed one behind the other have
their first tokens on average in half the time of prompts that are computed side by side. Requests that came together wait for each
other with their second token: a pass for a few of them takes nearly as long as one for all.
"""

import math
from collections.abc import Iterable

# Target duration of a step while others decode, and while none does. On a CPU, a chunk that fits its caches is computed a
# quarter faster than a large one; on a fast machine the chunk size reaches its maximum anyway.
STEP_S, ALONE_S = 0.4, 0.5
CHUNK_MIN, CHUNK_MAX, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX = 64, 512, 256, 2048
# With nobody who waits for tokens, so many seconds' worth of short prompts are computed at once.
TOGETHER_S = 1.0
# Requests came together when no more than this lies between them; and so long they wait for each other at most.
MATES_S, HOLD_S = 1.5, 3.0
# Weight of the newest measurement in the moving average.
NEWEST = 0.3
# A prompt that takes longer keeps none behind it waiting.
LONG_S, PROMPTS_MAX = 4.0, 8


class PrefillPacer:
    """Measures the prefill speed of this model on this machine. `is_fixed`: do not measure."""

    def __init__(self, *, is_fixed: bool = False) -> None:
        self._tokens_a_s = 0.0
        # The ranks of a ring must choose the same chunk, and their clocks differ.
        self._is_fixed = is_fixed

    def chunk(self, left: list[int], *, is_decoding: bool) -> int:
        """Tokens per prompt for the next step, which computes a chunk of each of some prompts. `left`: what is left of each."""
        if is_decoding:
            wanted, low, high = self._tokens_a_s * STEP_S, CHUNK_MIN, CHUNK_MAX
        else:
            wanted, low, high = self._tokens_a_s * ALONE_S, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX
        # No measurement yet: begin in the middle.
        wanted = wanted or (low + high) / 4
        chunk = min(high, max(low, int(wanted)))
        # Enough for the last of several prompts, which is begun before a second's worth is full.
        together = chunk if is_decoding else max(chunk, int(2 * self._tokens_a_s * TOGETHER_S))
        chunk = max(CHUNK_MIN, min(chunk, together // max(1, len(left))))
        # The last step computes no less than the others.
        longest = max(left, default=1)
        return max(CHUNK_MIN, math.ceil(longest / math.ceil(longest / chunk)))

    def is_long(self, left: int) -> bool:
        """Whether what is left of a prompt takes so long that others must not wait for it."""
        return left > self._tokens_a_s * LONG_S

    def holds(self, began_at: Iterable[float], waiting_since: float, waited_s: float) -> bool:
        """Whether answers wait for the prompts. `began_at`: when the requests came that decode; `waiting_since`: the oldest prompt.

        `waited_s`: since the last token of an answer. On several machines, whose clocks differ, nothing waits.
        """
        return not self._is_fixed and waited_s < HOLD_S and all(began >= waiting_since - MATES_S for began in began_at)

    def prompts(self, left: Iterable[int], *, is_decoding: bool = True) -> int:
        """How many of the prompts to compute at once; `left`: tokens that are left of each, in the order in which they came.

        A step's worth of prompts that are not long.
        """
        worth_s = STEP_S if is_decoding else TOGETHER_S
        if not self._tokens_a_s or self._is_fixed:
            return PROMPTS_MAX
        count = tokens = 0
        for count, size in enumerate(left, 1):
            tokens += 0 if self.is_long(size) else size
            if count == PROMPTS_MAX or tokens >= self._tokens_a_s * worth_s:
                break
        return max(1, count)

    def note(self, tokens: int, seconds: float) -> None:
        """A step computed `tokens` in `seconds`. Short steps are too noisy to measure and are left out."""
        if tokens >= CHUNK_MIN and seconds > 0 and not self._is_fixed:
            rate = tokens / seconds
            self._tokens_a_s = rate if not self._tokens_a_s else (1 - NEWEST) * self._tokens_a_s + NEWEST * rate
