"""Ends the reasoning of one answer when the tokens that a request gives to it are spent: the marks at its end come next, then the answer.

Only for answers in free text; `AnswerConstraint` does it for JSON. Other sequences of a batch are not touched.
"""

from collections.abc import Callable
from typing import Any

from .answer_constraint import ThinkingFrame
from .grammar import Grammars
from .landing.json_answer import NEVER, mask_of
from .mlx_adapter import mx

_TAIL_TOKENS = 24


class ThinkingLimit:
    """A logits processor. `may_end`: whether reasoning can be ended at this moment; within a call it cannot."""

    def __init__(self, grammars: Grammars, thinking: ThinkingFrame, prompt_length: int, may_end: Callable[[], bool] = lambda: True):
        self._grammars, self._frame, self._prompt_length, self._may_end = grammars, thinking, prompt_length, may_end
        self._end = grammars.encode(thinking.end)
        self._is_thinking = thinking.is_open
        # Tokens of reasoning in all, and those of the end mark that were set.
        self._spent = self._set = 0
        # The token behind the mark that came last.
        self._changed_at = 0
        self._tokens: list[int] = []

    @staticmethod
    def holds_for(thinking: ThinkingFrame, grammars: Grammars) -> bool:
        """Whether there is a limit, and a mark that ends reasoning and not the answer."""
        return bool(thinking.tokens_max and thinking.end) and grammars.encode(thinking.end)[0] not in grammars.ends

    def process(self, context: Any, logits: Any) -> Any:
        """`context` are all tokens, of the prompt first."""
        for token in context[self._prompt_length + len(self._tokens) :].tolist():
            self._take(int(token))
        if not self._is_thinking or (self._spent < self._frame.tokens_max and not self._set) or not self._may_end():
            return logits
        token = self._end[min(self._set, len(self._end) - 1)]
        self._set += 1
        return mx.where(mx.array(mask_of([token], logits.shape[-1])), mx.zeros_like(logits), NEVER)

    def _take(self, token: int) -> None:
        self._tokens.append(token)
        # Marks before the last change belong to it.
        text = self._grammars.decode(self._tokens[max(self._changed_at, len(self._tokens) - _TAIL_TOKENS) :])
        if self._is_thinking:
            self._spent += not self._set
            if self._frame.end in text:
                self._is_thinking, self._set, self._changed_at = False, 0, len(self._tokens)
        elif self._frame.start and text.rstrip().endswith(self._frame.start):
            self._is_thinking, self._changed_at = True, len(self._tokens)
