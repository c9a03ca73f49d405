"""The budget of a turn for thinking: a server that takes one gets it, and the agent ends thinking that goes beyond it.

The first time, the model is asked again, to answer without thinking; if it thinks on then, the turn ends with the reason.
"""

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

# Characters of a token, where no server has counted any yet.
CHARS_A_TOKEN = 4
# A server that was given a budget ends thinking in its own time; a model that was asked not to think may need a sentence.
SLACK_SHARE, SLACK_MIN = 0.25, 64
SPENT = "Your budget for thinking is used up. Answer or act now, without further thinking."


class ThinkingSpent(OptaError):
    """The model thought for longer than its turn allows. `tokens`: how long, as a guess."""

    def __init__(self, tokens: int):
        super().__init__("The budget for thinking is used up.", code=ErrorCode.no_answer)
        self.tokens = tokens


class ThinkingBudget:
    """The budget of one answer. `left`: tokens of the turn that are left; None for no limit."""

    def __init__(self, left: int | None):
        self._chars_max = None if left is None else CHARS_A_TOKEN * int(max(0, left) * (1 + SLACK_SHARE) + SLACK_MIN)
        self.chars = 0

    @property
    def tokens(self) -> int:
        """Tokens of the reasoning so far, as a guess."""
        return -(-self.chars // CHARS_A_TOKEN)

    def think(self, delta: str) -> None:
        """More of the reasoning. Raises ThinkingSpent."""
        self.chars += len(delta)
        if self._chars_max is not None and self.chars > self._chars_max:
            raise ThinkingSpent(self.tokens)


def spent(budget: int) -> OptaError:
    """The ending of a turn whose model cannot stop thinking."""
    return OptaError(
        f"The model was stopped: it thought on after its {budget} tokens for this turn (thinking-budget), although it was asked to answer. "
        "Raise thinking-budget, set thinking to off, or choose another model.",
        code=ErrorCode.no_answer,
    )
