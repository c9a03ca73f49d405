"""Chunk size of prefill: small while other requests decode, so that their tokens keep flowing, large while none does."""

# Target duration of a step while others decode, and while none does. On a CPU, a chunk that fits its caches is computed a
# quarter faster than a large one; on a fast machine the chunk size reaches its maximum anyway.
STEP_S, ALONE_S = 0.2, 0.5
CHUNK_MIN, CHUNK_MAX, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX = 64, 512, 256, 2048
# Weight of the newest measurement in the moving average.
NEWEST = 0.3


class PrefillPacer:
    """Measures the prefill speed of this model on this machine. `is_fixed`: do not measure."""

    def __init__(self, *, is_fixed: bool = False) -> None:
        self._tokens_a_s = 0.0
        # The ranks of a ring must choose the same chunk, and their clocks differ.
        self._is_fixed = is_fixed

    def chunk(self, *, is_decoding: bool, prompts: int) -> int:
        """Tokens per prompt for the next step, which computes a chunk of each of `prompts` prompts."""
        if is_decoding:
            wanted, low, high = self._tokens_a_s * STEP_S, CHUNK_MIN, CHUNK_MAX
        else:
            wanted, low, high = self._tokens_a_s * ALONE_S, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX
        # No measurement yet: begin in the middle.
        wanted = wanted or (low + high) / 4
        return max(CHUNK_MIN, min(high, max(low, int(wanted))) // max(1, prompts))

    def note(self, tokens: int, seconds: float) -> None:
        """A step computed `tokens` in `seconds`. Short steps are too noisy to measure and are left out."""
        if tokens >= CHUNK_MIN and seconds > 0 and not self._is_fixed:
            rate = tokens / seconds
            self._tokens_a_s = rate if not self._tokens_a_s else (1 - NEWEST) * self._tokens_a_s + NEWEST * rate
