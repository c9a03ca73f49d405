"""What a forward pass takes, learnt from the passes of an engine, and how many proposals are therefore worth checking.

A GPU that waits for its memory checks a few tokens more for nothing; a CPU takes longer for each. Only how fast an answer comes depends
on these times, never what it says. Knows no mlx.
"""

# The share of a new measurement in an average.
NEW_SHARE = 0.2
# A measurement with more than this share of other work in it is none.
GAP_SHARE_MAX = 0.25
# Each time that checking is left out because of its cost, the cost is believed so much less: a machine may have become faster.
BELIEF = 0.998


class PassCosts:
    """Seconds of passes with one token a sequence, by the number of sequences, and of each further token in a pass."""

    def __init__(self) -> None:
        self._plain: dict[int, float] = {}
        self._further = 0.0
        # The first pass of either kind includes what is done once, such as compiling.
        self._seen: set[bool] = set()
        self._ended_at = 0.0

    def note(self, rows: int, further: int, began_at: float, ended_at: float) -> None:
        """A pass of `rows` sequences with `further` tokens each beside the first. The times are of one clock, in seconds.

        Passes are computed while the one before is read, so a pass takes from the end of the one before to its own end.
        """
        took, gap = ended_at - self._ended_at, began_at - self._ended_at
        self._ended_at = ended_at
        if bool(further) not in self._seen or gap > GAP_SHARE_MAX * took:
            self._seen.add(bool(further))
        elif not further:
            self._plain[rows] = _average(self._plain.get(rows), took)
        elif self._plain:
            self._further = _average(self._further or None, max(0.0, took - self._plain_s(rows)) / (rows * further))

    def best(self, expected: list[list[float]]) -> int:
        """How many proposals to check of each sequence; 0 where a pass of one token each gives more tokens in its time.

        `expected`: of each sequence, how probable it is that the first proposal is accepted, that the first two are, and so on.
        """
        rows = len(expected)
        further = self._further * rows / self._plain_s(rows) if self._plain else 0.0
        best, best_rate, is_any = 0, 1.0, False
        for width in range(1, max(map(len, expected), default=0) + 1):
            gained = sum(sum(chances[:width]) for chances in expected) / rows
            rate = (1 + gained) / (1 + further * width)
            if rate > best_rate:
                best, best_rate = width, rate
            is_any = is_any or gained > 0
        if is_any and not best:
            self._further *= BELIEF
        return best

    def _plain_s(self, rows: int) -> float:
        """Of so many sequences, or of the number nearest to it that was seen."""
        return self._plain[min(self._plain, key=lambda seen: abs(seen - rows))]


def _average(before: float | None, now: float) -> float:
    return now if before is None else before + NEW_SHARE * (now - before)
