"""Notices an answer that never ends: one that says the same over and over, or thinks without limit."""

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

# Characters of reasoning in one answer: about 40,000 tokens.
THINKING_CHARS_MAX = 160_000
# Characters of an answer: more than anybody reads.
TEXT_CHARS_MAX = 20_000_000
# A longer piece is not a token: what sends it repeats itself on purpose, as a server that hands over a whole text does.
_PIECE_CHARS_MAX = 200
# So much text is compared with itself, whenever so much more has come.
_WINDOW, _STRIDE = 6_000, 2_000
# A piece of at most this length that fills the window is a repetition, and so is one character.
_PERIOD_MAX = 1_000
# Lines and tables repeat themselves too: the piece has to come so often.
_TIMES = 6


class Runaway:
    """Looks at one answer as it comes. `say` and `think` raise OptaError when it has run away."""

    def __init__(self) -> None:
        self._tail = ""
        self._since_look = self._said = self._thought = 0

    def say(self, delta: str) -> None:
        """More of the answer."""
        self._said += len(delta)
        if self._said > TEXT_CHARS_MAX:
            raise _error(f"its answer is longer than {TEXT_CHARS_MAX:,} characters")
        self._look(delta)

    def think(self, delta: str) -> None:
        """More of the reasoning."""
        self._thought += len(delta)
        if self._thought > THINKING_CHARS_MAX:
            raise _error(f"it thought for more than {THINKING_CHARS_MAX:,} characters without an end")
        self._look(delta)

    def _look(self, delta: str) -> None:
        if len(delta) > _PIECE_CHARS_MAX:
            self._tail, self._since_look = "", 0
            return
        self._tail = (self._tail + delta)[-2 * _WINDOW :] if len(self._tail) > 3 * _WINDOW else self._tail + delta
        self._since_look += len(delta)
        if self._since_look >= _STRIDE and len(self._tail) >= _WINDOW:
            self._since_look = 0
            window = self._tail[-_WINDOW:]
            if period := _period(window):
                raise _error(f"it repeats {window[-period:].strip()[:60]!r} over and over")


def _period(window: str) -> int:
    """The length of the piece that the window consists of, 0 when it consists of none."""
    # A period of the window is a place where its end appears earlier.
    needle = window[-_PERIOD_MAX // 4 :]
    at = window.rfind(needle, 0, len(window) - 1)
    period = len(window) - len(needle) - at if at >= 0 else 0
    is_short = 0 < period <= _PERIOD_MAX and len(window) >= _TIMES * period
    return period if is_short and window[period:] == window[:-period] else 0


def _error(what: str) -> OptaError:
    return OptaError(
        f"The model was stopped: {what}. Ask again, lower its temperature or raise its repetition penalty, or choose another model.",
        code=ErrorCode.no_answer,
    )
