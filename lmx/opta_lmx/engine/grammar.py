"""Constrained decoding with llguidance: JSON of a schema, or exactly one tool call. Only for requests that need it.

A forced call has the form `{"name": …, "arguments": {…}}` whatever the model's own format is, so it works with every model.
"""

import json
from collections.abc import Callable
from typing import Any

import llguidance
import llguidance.numpy
import numpy as np

from opta_core.errors import Refused

from ..ipc.messages import Generate
from .mlx_adapter import mx

# Some models' output layers have more entries than the tokenizer has tokens; these are never allowed.
_NEVER = float("-inf")
# With flexible white space a model may write nothing else.
_COMPACT: Any = {"whitespace_flexible": False}


class GrammarError(Refused):
    """A schema that cannot be enforced; the message names the reason."""


class Grammars:
    """The grammars of one model. `tokenizer`: the Hugging Face tokenizer inside mlx-lm's wrapper; `eos`: its end tokens."""

    def __init__(self, tokenizer: Any, eos: list[int]):
        self._tokenizer, self._eos = tokenizer, eos
        self._known: Any = None

    def matcher(self, order: Generate) -> "llguidance.LLMatcher | None":
        """The grammar of a whole answer; None when the answer is free. Raises GrammarError."""
        schema = schema_of(order)
        return None if schema is None else self._matcher(schema)

    def processor(self, matcher: Any, prompt_length: int) -> Callable[[Any, Any], Any]:
        """A logits processor that masks every token which the grammar does not allow next."""
        taken = 0

        def process(context: Any, logits: Any) -> Any:
            nonlocal taken
            answered = context[prompt_length:].tolist()
            for token in answered[taken:]:
                matcher.consume_token(int(token))
            taken = len(answered)
            return self._only(self._allowed(matcher, logits.shape[-1]), logits)

        return process

    def calls_processor(self, order: Generate, prompt_length: int, start: str, end: str) -> Callable[[Any, Any], Any]:
        """A logits processor for `strict` tools: between the model's call markers, only a call of one of the tools with arguments of
        its schema is allowed; outside of calls the answer is free. Raises GrammarError.
        """
        schema = {"anyOf": [_call_schema(tool["function"]) for tool in order.tools]}
        first = self._matcher(schema)
        ending = [int(id_) for id_ in self._encode(end)] if end else self._eos[:1]
        matcher: Any = None
        taken = closed = 0
        tail: list[int] = []

        def process(context: Any, logits: Any) -> Any:
            nonlocal matcher, taken, closed, tail
            answered = [int(token) for token in context[prompt_length:].tolist()]
            for token in answered[taken:]:
                tail = [*tail[-15:], token]
                if matcher is None:
                    if self._decode(tail).endswith(start):
                        matcher, closed = first.deep_copy(), 0
                elif matcher.is_stopped():
                    closed += 1
                    if closed == len(ending):
                        matcher, tail = None, []
                else:
                    matcher.consume_token(token)
            taken = len(answered)
            if matcher is None:
                return logits
            if matcher.is_stopped() or matcher.is_accepting():
                allowed = np.zeros(logits.shape[-1], dtype=bool)
                allowed[ending[min(closed, len(ending) - 1)]] = True
                return self._only(allowed, logits)
            return self._only(self._allowed(matcher, logits.shape[-1]), logits)

        return process

    def _matcher(self, schema: dict[str, Any]) -> "llguidance.LLMatcher":
        if self._known is None:
            from llguidance.hf import from_tokenizer

            self._known = from_tokenizer(self._tokenizer, eos_token=self._eos)
        try:
            found = llguidance.LLMatcher(self._known, llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=_COMPACT))
        except Exception as error:  # a native extension raises types of its own
            raise GrammarError(str(error).splitlines()[0][:300]) from error
        if found.is_error():
            raise GrammarError(found.get_error().splitlines()[0][:300])
        return found

    def _allowed(self, matcher: Any, size: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        allowed = np.zeros(size, dtype=bool)
        if matcher.is_stopped():
            allowed[self._eos] = True
            return allowed
        words = llguidance.numpy.allocate_token_bitmask(1, self._known.vocab_size)
        llguidance.numpy.fill_next_token_bitmask(matcher, words)
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")[:size]
        allowed[: len(bits)] = bits
        return allowed

    def _only(self, allowed: Any, logits: Any) -> Any:
        return mx.where(mx.array(allowed), logits, _NEVER)

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))


def schema_of(order: Generate) -> dict[str, Any] | None:
    """The JSON schema of an answer; None when the answer is free."""
    if order.forced:
        return {"anyOf": [_call_schema(tool["function"]) for tool in order.tools if order.forced in ("*", tool["function"]["name"])]}
    return order.schema


def _call_schema(function: dict[str, Any]) -> dict[str, Any]:
    parameters = function.get("parameters") or {"type": "object"}
    properties = {"name": {"const": function["name"]}, "arguments": parameters}
    return {"type": "object", "properties": properties, "required": ["name", "arguments"], "additionalProperties": False}
