"""The constraint of one answer that has to be JSON: thinking first, where the model thinks, then the grammar.

The share of thinking is bounded, so that the answer after it fits.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .grammar import Grammars
from .landing.json_answer import JsonAnswer, Sampler, mask_of, only, padded
from .landing.schema_forms import Schema
from .landing.token_bytes import Mask

Phase = Literal["before", "starting", "thinking", "ending", "answer"]
# Of the budget, an answer keeps this share after thinking, up to a number of tokens, and at least some more than its shortest form.
ANSWER_SHARE, ANSWER_TOKENS_MAX, ANSWER_TOKENS_MIN = 3, 4096, 48
_TAIL_TOKENS = 24
_WHITE_SPACE = rb"[ \n\r\t]+\Z"


@dataclass(frozen=True)
class ThinkingFrame:
    """How a model thinks. `start`, `end`: its markers, '' when it has none; `is_open`: the prompt ends within thinking; `is_possible`:
    the answer may begin with the start marker.
    """

    start: str = ""
    end: str = ""
    is_open: bool = False
    is_possible: bool = False
    # Tokens that a request gives to thinking; 0: as many as leave enough for the answer.
    tokens_max: int = 0


class AnswerConstraint:
    """`budget`: the number of tokens that the whole output may have. Raises GrammarError."""

    def __init__(self, grammars: Grammars, schema: Schema, budget: int, thinking: ThinkingFrame, sampler: Sampler, prompt_length: int):
        self._grammars, self._schema, self._budget, self._sampler, self._prompt_length = grammars, schema, budget, sampler, prompt_length
        grammar = grammars.of(schema)
        self._start = grammars.encode(thinking.start) if thinking.start else []
        self._end_text, self._end = thinking.end, grammars.encode(thinking.end) if thinking.end else []
        reserve = max(grammar.tokens_min + ANSWER_TOKENS_MIN, min(budget // ANSWER_SHARE, ANSWER_TOKENS_MAX))
        # Tokens after which thinking has to end, its end marker aside.
        self._thinking_max = min(budget - reserve - len(self._end), thinking.tokens_max or budget)
        self._phase: Phase = "thinking" if thinking.is_open else "before"
        if self._phase == "before" and not (thinking.is_possible and self._start and self._thinking_max > len(self._start)):
            self._phase = "answer"
        self._tokens: list[int] = []
        self._marker_at = 0
        self._may_lead = False
        self._fits = True
        self._answer = self._made(budget)

    @property
    def seen(self) -> int:
        """Tokens of the output that it has seen. Several may be checked in one pass, so it can be ahead of the sequence."""
        return len(self._tokens)

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, and nothing may follow."""
        return self._phase == "answer" and self._answer.is_whole

    @property
    def is_accepted(self) -> bool:
        """Whether the answer is complete as it is."""
        return self._phase == "answer" and self._answer.is_accepted

    @property
    def is_complete(self) -> bool:
        """Whether it is all that the model wanted to say: neither a smaller form of what was asked for, nor ended for want of tokens."""
        return self._fits and not self._answer.is_cut

    def take(self, at: int, token: int) -> None:
        """Take the token number `at` of the output, unless it is known already."""
        if at != len(self._tokens):
            return
        self._tokens.append(token)
        match self._phase:
            case "before":
                if token == self._start[0]:
                    self._phase, self._marker_at = ("starting", 1) if len(self._start) > 1 else ("thinking", 0)
                else:
                    self._phase = "answer"
                    self._answer.take(token)
            case "starting":
                self._marker_at += 1
                if self._marker_at == len(self._start):
                    self._phase = "thinking"
            case "thinking" | "ending":
                self._marker_at += self._phase == "ending"
                self._look_for_the_end()
            case "answer":
                is_lead = self._may_lead and self._is_white_space(token)
                self._may_lead = False
                if is_lead:
                    self._answer.budget -= 1
                else:
                    self._answer.take(token)

    def process(self, context: Any, logits: Any) -> Any:
        """A logits processor: `context` are all tokens, of the prompt first."""
        for at, token in enumerate(context[self._prompt_length + len(self._tokens) :].tolist(), len(self._tokens)):
            self.take(at, int(token))
        size = logits.shape[-1]
        match self._phase:
            case "before":
                if self._answer.has_slack:
                    return only(self._answer.allowed(size) | mask_of(self._start[:1], size), logits)
                self._phase = "answer"
                return self._answer.only_allowed(logits, len(self._tokens))
            case "starting":
                return only(mask_of([self._start[self._marker_at]], size), logits)
            case "thinking" if len(self._tokens) < self._thinking_max:
                return only(self._thoughts(size), logits)
            case "thinking" | "ending":
                self._phase = "ending"
                return only(mask_of([self._end[min(self._marker_at, len(self._end) - 1)]], size), logits)
            case _:
                if self._may_lead and self._answer.has_slack:
                    return only(self._answer.allowed(size) | self._white_space(size), logits)
                self._may_lead = False
                return self._answer.only_allowed(logits, len(self._tokens))

    def _thoughts(self, size: int) -> Mask:
        """Every token but an end, and those that begin the answer in the token of the end marker."""
        allowed = np.ones(size, dtype=bool)
        allowed[self._grammars.ends] = False
        if len(self._end) > 1:
            tail = self._grammars.decode(self._tokens[-_TAIL_TOKENS:])
            for size_known in range(len(self._end_text)):
                if tail.endswith(self._end_text[:size_known]):
                    begins = re.escape(self._end_text[size_known:]).encode() + rb"\s*\S"
                    allowed &= ~padded(self._grammars.bytes.matching(begins), size)
        return allowed

    def _look_for_the_end(self) -> None:
        text = self._grammars.decode(self._tokens[-_TAIL_TOKENS:])
        at = text.rfind(self._end_text)
        if at < 0 or text[at + len(self._end_text) :].strip():
            return
        self._phase, self._may_lead = "answer", True
        self._answer = self._made(self._budget - len(self._tokens))

    def _made(self, budget: int) -> JsonAnswer:
        grammar, self._fits = self._grammars.fitting(self._schema, budget)
        return JsonAnswer(grammar, budget, self._sampler)

    def _white_space(self, size: int) -> Mask:
        return padded(self._grammars.bytes.matching(_WHITE_SPACE), size)

    def _is_white_space(self, token: int) -> bool:
        spelled = self._grammars.bytes.of(token)
        return bool(spelled) and not spelled.strip()
