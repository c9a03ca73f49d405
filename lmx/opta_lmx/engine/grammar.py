"""Grammars of one model, compiled with llguidance: JSON of a schema, or forced tool calls. Only for requests that need them.

A forced call has the form `{"name": …, "arguments": {…}}` whatever the model's own format is, so it works with every model; several
calls are an array of them.
"""

import json
from collections import OrderedDict
from typing import Any

import llguidance

from opta_core.errors import Refused

from ..ipc.messages import Generate
from ..schema_closing import closed
from ..schema_loosening import loosened
from .landing.completion import Completions
from .landing.json_answer import JsonGrammar
from .landing.json_cursor import JsonCursor
from .landing.relaxed_schema import relaxed
from .landing.schema_forms import Schema, SchemaForms
from .landing.shortest_json import ShortestJson
from .landing.token_bytes import TokenBytes

# With flexible white space a model may write nothing else. Of a `oneOf` any form is taken when they overlap.
_COMPACT: Any = {"whitespace_flexible": False, "coerce_one_of": True}
_ANY: dict[str, Any] = {}
KNOWN_MAX, CALLS_MAX = 32, 8
SLACK_MIN, SLACK_MAX = 24, 1000


class GrammarError(Refused):
    """A schema that cannot be enforced; the message names the reason."""


class Grammars:
    """`tokenizer`: the Hugging Face tokenizer inside mlx-lm's wrapper; `eos`: its end tokens."""

    def __init__(self, tokenizer: Any, eos: list[int]):
        self._tokenizer, self._eos = tokenizer, eos
        self._library_tokenizer: Any = None
        self._bytes: TokenBytes | None = None
        self._completions: Completions | None = None
        self._known: OrderedDict[str, JsonGrammar] = OrderedDict()

    def of(self, schema: Schema) -> JsonGrammar:
        """The grammar of a schema. Raises GrammarError."""
        key = json.dumps(closed(loosened("schema", schema, is_strict=False)[0]))
        if key not in self._known:
            self._known[key] = self._compiled(key)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def fitting(self, schema: Schema, budget: int) -> tuple[JsonGrammar, bool]:
        """The grammar of a schema, and whether its answers can be complete in `budget` tokens. Raises GrammarError.

        When they cannot, it is the grammar of a schema that asks for less, or of any JSON, if that fits.
        """
        grammar = self.of(schema)
        if grammar.tokens_min <= budget:
            return grammar, True
        for less in (relaxed(schema), _ANY):
            try:
                found = self.of(less)
            except GrammarError:
                continue
            if 0 < found.tokens_min <= budget:
                return found, False
        return grammar, False

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [int(id_) for id_ in self._tokenizer.encode(text, add_special_tokens=False)]

    def decode(self, ids: list[int]) -> str:
        """The text of some tokens, special ones included."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    @property
    def ends(self) -> list[int]:
        """The tokens that end an answer."""
        return self._eos

    @property
    def bytes(self) -> TokenBytes:
        """The bytes of the tokens."""
        if self._bytes is None:
            from llguidance.hf import from_tokenizer

            self._library_tokenizer = from_tokenizer(self._tokenizer, eos_token=self._eos)
            self._bytes = TokenBytes(self._library_tokenizer)
            self._completions = Completions(self._bytes)
        return self._bytes

    def _compiled(self, text: str) -> JsonGrammar:
        tokens = self.bytes
        assert self._completions is not None
        matcher, completions = self._matcher(text), self._completions

        def search(part: Schema, tried: list[bytes]) -> bytes | None:
            try:
                start = self._matcher(json.dumps(part))
            except GrammarError:
                return None
            found = next((text for text in tried if completions.holds(start, tokens.spelling(text) or [])), None)
            return completions.search(start, b"") if found is None else found

        shortest = ShortestJson(SchemaForms(json.loads(text)), tokens.cost, search)
        slack = max(SLACK_MIN, min(SLACK_MAX, 2 * shortest.largest))
        grammar = JsonGrammar(matcher, JsonCursor(shortest), completions, tokens, self._eos, slack)
        if grammar.shortest is None:
            raise GrammarError("No finite value satisfies this schema.")
        return grammar

    def _matcher(self, text: str) -> Any:
        try:
            found = llguidance.LLMatcher(
                self._library_tokenizer, llguidance.LLMatcher.grammar_from_json_schema(text, defaults=_COMPACT), log_level=0
            )
        except Exception as error:  # a native extension raises types of its own
            raise GrammarError(str(error).splitlines()[0][:300]) from error
        if found.is_error():
            raise GrammarError(found.get_error().splitlines()[0][:300])
        return found


def schema_of(order: Generate) -> dict[str, Any] | None:
    """The JSON schema of an answer; None when the answer is free."""
    if not order.forced:
        return order.schema
    calls = [call_schema(tool["function"]) for tool in order.tools if order.forced in ("*", tool["function"]["name"])]
    call = {"anyOf": calls} if len(calls) > 1 else calls[0]
    return {"type": "array", "items": call, "minItems": 1, "maxItems": CALLS_MAX} if order.many_calls else call


def call_schema(function: dict[str, Any]) -> dict[str, Any]:
    """The schema of a call of one tool."""
    parameters = function.get("parameters") or {"type": "object"}
    properties = {"name": {"const": function["name"]}, "arguments": parameters}
    return {"type": "object", "properties": properties, "required": ["name", "arguments"], "additionalProperties": False}
