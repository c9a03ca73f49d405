"""How much of an answer may be read for calls, so that an answer made of beginnings of calls is read in linear time."""

# Reading a call whole, whenever it has grown by a quarter, takes five times its length.
_TIMES = 8
# A short answer may be read again for each place in it where a call could begin.
_CHARS_MIN = 2_000_000


class ReadingBudget:
    """Counts characters. `took`: the length of the answer so far allows more; `spend` says whether a text may be read once more."""

    def __init__(self) -> None:
        self._left = _CHARS_MIN

    @property
    def is_spent(self) -> bool:
        """Whether nothing is read any more: what follows is text."""
        return self._left <= 0

    def took(self, chars: int) -> None:
        """So much more of the answer has come."""
        self._left += _TIMES * chars

    def spend(self, chars: int) -> bool:
        """Whether a text of this length may be read; it is counted."""
        self._left -= chars
        return self._left > 0
