"""Answers that hold a form: JSON of a schema, or exactly one call of a tool. By llguidance, only for requests that ask for it.

Forced calls are constrained as `{"name": …, "arguments": {…}}` whatever a model's own format is, so they work with every model.
"""

import json
from collections.abc import Callable
from typing import Any

import llguidance
import llguidance.numpy
import numpy as np

from .engine_messages import Generate

# Tokens beyond the tokenizer's size exist in some models' last layer and mean nothing.
_NEVER = float("-inf")
# Without bounds on white space a model may write nothing else.
_COMPACT: Any = {"whitespace_flexible": False}


class GrammarProblem(Exception):
    """Why a form cannot be held; the message names what of it."""


class Grammars:
    """The grammars of one model. `tokenizer`: the Hugging Face tokenizer inside mlx-lm's."""

    def __init__(self, tokenizer: Any, eos: list[int], array: Callable[[Any], Any], where: Callable[[Any, Any, Any], Any]):
        self._tokenizer, self._eos = tokenizer, eos
        self._array, self._where = array, where
        self._known: Any = None

    def matcher(self, order: Generate) -> "llguidance.LLMatcher | None":
        """The grammar that an order asks for. Raises GrammarProblem."""
        schema = schema_of(order)
        if schema is None:
            return None
        if self._known is None:
            from llguidance.hf import from_tokenizer

            self._known = from_tokenizer(self._tokenizer, eos_token=self._eos)
        try:
            found = llguidance.LLMatcher(self._known, llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=_COMPACT))
        except Exception as error:  # a native extension's own kinds
            raise GrammarProblem(str(error).splitlines()[0][:300]) from error
        if found.is_error():
            raise GrammarProblem(found.get_error().splitlines()[0][:300])
        return found

    def processor(self, matcher: Any, prompt_length: int) -> Callable[[Any, Any], Any]:
        """A logits processor: what the grammar does not allow next becomes impossible."""
        words = llguidance.numpy.allocate_token_bitmask(1, self._known.vocab_size)
        taken = 0

        def process(context: Any, logits: Any) -> Any:
            nonlocal taken
            answered = context[prompt_length:].tolist()
            for token in answered[taken:]:
                matcher.consume_token(int(token))
            taken = len(answered)
            if matcher.is_stopped():
                allowed = np.zeros(logits.shape[-1], dtype=bool)
                allowed[self._eos] = True
            else:
                llguidance.numpy.fill_next_token_bitmask(matcher, words)
                bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: logits.shape[-1]]
                allowed = np.zeros(logits.shape[-1], dtype=bool)
                allowed[: len(bits)] = bits
            return self._where(self._array(allowed), logits, _NEVER)

        return process


def schema_of(order: Generate) -> dict[str, Any] | None:
    """The JSON schema that an answer has to have; None for a free one."""
    if order.forced:
        return {"anyOf": [_call_schema(tool["function"]) for tool in order.tools if order.forced in ("*", tool["function"]["name"])]}
    return order.schema


def _call_schema(function: dict[str, Any]) -> dict[str, Any]:
    parameters = function.get("parameters") or {"type": "object"}
    properties = {"name": {"const": function["name"]}, "arguments": parameters}
    return {"type": "object", "properties": properties, "required": ["name", "arguments"], "additionalProperties": False}
