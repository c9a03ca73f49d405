"""How much of a prompt one step reads: little enough that those who are being answered hardly notice, much when nobody is."""

# A step's length while others are answered, and while none is: on a processor, a piece that fits its caches is read
# a quarter faster than a large one; where a second reads tens of thousands of tokens, pieces are as large as they may be.
STEP_S, ALONE_S = 0.2, 0.5
CHUNK_MIN, CHUNK_MAX, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX = 64, 512, 256, 2048
# Weight of the newest measurement; one step alone says little.
NEWEST = 0.3


class Pace:
    """Learns from each step how fast this model reads on this machine."""

    def __init__(self, *, is_fixed: bool = False) -> None:
        self._tokens_a_s = 0.0
        # Several machines have to decide the same, and their clocks do not.
        self._is_fixed = is_fixed

    def chunk(self, *, is_answering: bool, prompts: int) -> int:
        """Tokens of each of so many prompts for the next step."""
        if is_answering:
            wanted, low, high = self._tokens_a_s * STEP_S, CHUNK_MIN, CHUNK_MAX
        else:
            wanted, low, high = self._tokens_a_s * ALONE_S, CHUNK_ALONE_MIN, CHUNK_ALONE_MAX
        # Nothing is known yet: begin in the middle.
        wanted = wanted or (low + high) / 4
        return max(CHUNK_MIN, min(high, max(low, int(wanted))) // max(1, prompts))

    def note(self, tokens: int, seconds: float) -> None:
        """A step has read so many tokens. Short ones say more of the machine's mood than of its speed."""
        if tokens >= CHUNK_MIN and seconds > 0 and not self._is_fixed:
            rate = tokens / seconds
            self._tokens_a_s = rate if not self._tokens_a_s else (1 - NEWEST) * self._tokens_a_s + NEWEST * rate
