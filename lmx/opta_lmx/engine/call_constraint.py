"""The constraint of `strict` tools that the model may call: between its call markers, only a call of one of the tools with arguments of
its schema is allowed, and it lands. Outside of calls the answer is free.
"""

from typing import Any

from .grammar import Grammars, call_schema
from .landing.json_answer import JsonAnswer, Sampler, mask_of, only
from .mlx_adapter import mx

_TAIL_TOKENS = 16


class CallConstraint:
    """`start`, `end`: the call markers; `budget`: tokens that the whole output may have. Raises GrammarError."""

    # Free text may go on, and be cut, at any time.
    is_whole = is_accepted = False

    def __init__(
        self, grammars: Grammars, tools: list[dict[str, Any]], start: str, end: str, budget: int, sampler: Sampler, prompt_length: int
    ):
        self._grammars, self._sampler, self._budget, self._prompt_length = grammars, sampler, budget, prompt_length
        self._start_text = start
        self._start, self._end = grammars.encode(start), grammars.encode(end) if end else grammars.ends[:1]
        self._schema = {"anyOf": [call_schema(tool["function"]) for tool in tools]}
        self._grammar = grammars.of(self._schema)
        self._tokens: list[int] = []
        # The call that is being written, and the tokens of the end marker that follow it so far.
        self._call: JsonAnswer | None = None
        self._closed = self._call_at = 0
        self._wants_call = self._is_cut = False

    @property
    def seen(self) -> int:
        """Tokens of the output that it has seen. Several may be checked in one pass, so it can be ahead of the sequence."""
        return len(self._tokens)

    @property
    def is_complete(self) -> bool:
        """Whether the answer has every call that the model wanted, as the model wanted it."""
        is_cut = self._is_cut or (self._call is not None and self._call.is_cut)
        return not is_cut and not (self._wants_call and self._tokens[-1] in self._grammars.ends)

    def is_outside_of_calls(self) -> bool:
        """Whether the answer is free now."""
        return self._call is None

    def take(self, at: int, token: int) -> None:
        """Take the token number `at` of the output, unless it is known already."""
        if at == len(self._tokens):
            self._take(token)

    def process(self, context: Any, logits: Any) -> Any:
        """A logits processor: `context` are all tokens, of the prompt first."""
        for token in context[self._prompt_length + len(self._tokens) :].tolist():
            self._take(int(token))
        size = logits.shape[-1]
        left = self._budget - len(self._tokens)
        if self._call is None:
            return self._without_call(logits) if left < self._grammar.tokens_min + len(self._start) + len(self._end) else logits
        if self._call.is_accepted:
            return only(mask_of([self._end[min(self._closed, len(self._end) - 1)]], size), logits)
        return self._call.only_allowed(logits, len(self._tokens))

    def _without_call(self, logits: Any) -> Any:
        """A call that could not be completed is not begun: where the model would begin one, the answer ends."""
        size, end, start = logits.shape[-1], self._grammars.ends[0], self._start[0]
        wanted = mx.maximum(logits[..., start], logits[..., end])
        self._wants_call = bool((logits[..., start] > logits[..., end]).item())
        ended = mx.where(mx.array(mask_of([end], size)), wanted[..., None], logits)
        return only(~mask_of([start], size), ended)

    def _take(self, token: int) -> None:
        self._tokens.append(token)
        if self._call is None:
            if self._grammars.decode(self._tokens[self._call_at :][-_TAIL_TOKENS:]).endswith(self._start_text):
                grammar, _ = self._grammars.fitting(self._schema, self._budget - len(self._tokens) - len(self._end))
                self._call, self._closed = JsonAnswer(grammar, self._budget - len(self._tokens) - len(self._end), self._sampler), 0
        elif self._call.is_accepted:
            self._closed += 1
            if self._closed == len(self._end):
                self._is_cut |= self._call.is_cut
                self._call, self._call_at = None, len(self._tokens)
        else:
            self._call.take(token)
