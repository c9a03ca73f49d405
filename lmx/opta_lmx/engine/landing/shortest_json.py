"""The shortest JSON of a schema, in tokens of one vocabulary."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...json_values import as_list, as_object
from .schema_forms import Form, Schema, SchemaForms
from .string_samples import samples

# Of a part of a schema, and texts that are tried first: a short text that its grammar accepts.
Search = Callable[[Schema, list[bytes]], bytes | None]
_OF_STRINGS = ("pattern", "format", "minLength", "maxLength")
# Beyond this many schemas the rest is left to the search in the grammar.
SCHEMAS_MAX = 10_000
_ROUNDS_MAX = 40


@dataclass(frozen=True)
class Shortest:
    """A text and the number of its tokens."""

    text: bytes
    tokens: int


class ShortestJson:
    """`cost`: tokens of a text. `search`: finds a text of a schema that says more than lengths."""

    def __init__(self, forms: SchemaForms, cost: Callable[[bytes], int], search: Search):
        self.forms, self._cost, self._search = forms, cost, search
        self._schemas: dict[int, Schema] = {}
        self._found: dict[int, Shortest | None] = {}
        self._texts: dict[int, bytes | None] = {}
        self._collect(forms.root)
        self._solve()

    @property
    def largest(self) -> int:
        """Tokens of the largest of all shortest texts: what one token of an answer can add to its shortest completion, about."""
        sizes = [found.tokens for found in self._found.values() if found is not None]
        longest = [
            self._cost(_json(value)) for schema in self._schemas.values() for form in self.forms.of(schema) for value in form.values or []
        ]
        return max([*sizes, *longest], default=1)

    def of(self, schema: Schema) -> Shortest | None:
        """The shortest text of a schema of this document; None when there is none, or it is not known."""
        if id(schema) not in self._schemas:
            self._collect(schema)
            self._solve()
        return self._found.get(id(schema))

    def sample(self, form: Form) -> tuple[bytes, bytes]:
        """A string of a form with a pattern or a format, and what is inside of its quotes; b'' when none is known."""
        key = id(form)
        if key not in self._texts:
            part = {"type": "string", **{name: form.fields[name] for name in _OF_STRINGS if name in form.fields}}
            self._texts[key] = self._search(part, [_json(text) for text in samples(part)])
        text = self._texts[key] or b""
        return text, text[1:-1]

    def _collect(self, schema: Schema) -> None:
        pending = [schema]
        while pending and len(self._schemas) < SCHEMAS_MAX:
            node = pending.pop()
            if id(node) in self._schemas:
                continue
            self._schemas[id(node)] = node
            for form in self.forms.of(node):
                pending += form.properties.values()
                pending += [form.property(name) for name in form.required]
                pending += as_list(form.fields.get("prefixItems")) or []
                pending += [form.item(at) for at in (0, form.count("minItems"))]
                pending.append(form.property(""))

    def _solve(self) -> None:
        # What depends on itself gets its text from the forms that do not, so the rounds end.
        for _ in range(_ROUNDS_MAX):
            is_changed = False
            for key, schema in reversed(self._schemas.items()):
                best = min(filter(None, map(self._form, self.forms.of(schema))), key=lambda found: found.tokens, default=None)
                before = self._found.get(key)
                if best is not None and (before is None or best.tokens < before.tokens):
                    self._found[key], is_changed = best, True
            if not is_changed:
                return

    def _form(self, form: Form) -> Shortest | None:
        if form.values is not None:
            texts = [
                _json(value)
                for value in form.values
                if _kind_of(value) in form.types or (_kind_of(value) == "integer" and "number" in form.types)
            ]
            return self._cheapest(texts)
        found: list[Shortest | None] = []
        for kind in form.types:
            match kind:
                case "null":
                    found.append(self._cheapest([b"null"]))
                case "boolean":
                    found.append(self._cheapest([b"true", b"false"]))
                case "integer" | "number":
                    found.append(self._cheapest(self._numbers(form, is_whole=kind == "integer")))
                case "string":
                    found.append(self._cheapest(self._strings(form)))
                case "array":
                    found.append(self._array(form))
                case _:
                    found.append(self._object(form))
        return min(filter(None, found), key=lambda one: one.tokens, default=None)

    def _cheapest(self, texts: list[bytes]) -> Shortest | None:
        return min((Shortest(text, self._cost(text)) for text in texts), key=lambda found: found.tokens, default=None)

    def _strings(self, form: Form) -> list[bytes]:
        if "pattern" in form.fields or "format" in form.fields:
            return [text for text, _ in [self.sample(form)] if text]
        size = form.count("minLength")
        return [b'"' + letter * size + b'"' for letter in (b"a", b"-", b" ", b"=")] if size else [b'""']

    def _numbers(self, form: Form, *, is_whole: bool) -> list[bytes]:
        bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        given = {name: form.fields[name] for name in bounds if isinstance(form.fields.get(name), int | float)}
        if not given:
            return [b"0", b"1"]
        low = max(given.get("minimum", -math.inf), given.get("exclusiveMinimum", -math.inf))
        high = min(given.get("maximum", math.inf), given.get("exclusiveMaximum", math.inf))
        tried = [0, 1, *(math.floor(bound) + step for bound in (low, high) if math.isfinite(bound) for step in (-1, 0, 1, 2))]
        if "multipleOf" not in given and (whole := [number for number in tried if _is_within(number, given)]):
            return [str(number).encode() for number in whole]
        return self._tried(form, bounds, "integer" if is_whole else "number")

    def _tried(self, form: Form, names: tuple[str, ...], kind: str) -> list[bytes]:
        key = id(form)
        if key not in self._texts:
            self._texts[key] = self._search({"type": kind, **{name: form.fields[name] for name in names if name in form.fields}}, [])
        text = self._texts[key]
        return [] if text is None else [text]

    def _array(self, form: Form) -> Shortest | None:
        entries: list[Shortest] = []
        for at in range(form.count("minItems")):
            entry = self.of_known(form.item(at))
            if entry is None:
                return None
            entries.append(entry)
        return _joined(b"[", entries, b"]", self._cost)

    def _object(self, form: Form) -> Shortest | None:
        names = list(form.required)
        others = [name for name in form.properties if name not in names and self.of_known(form.properties[name]) is not None]
        others += fillers(form.count("minProperties"))
        names += others[: max(0, form.count("minProperties") - len(names))]
        entries: list[Shortest] = []
        for name in sorted(names, key=list(form.properties).index) if set(names) <= set(form.properties) else names:
            value = self.of_known(form.property(name))
            if value is None:
                return None
            key = key_text(name)
            entries.append(Shortest(key + value.text, self._cost(key) + value.tokens))
        return _joined(b"{", entries, b"}", self._cost)

    def of_known(self, schema: Schema) -> Shortest | None:
        """The shortest text of a schema as far as it is known now."""
        if id(schema) not in self._schemas and schema in (True, {}):
            return Shortest(b"0", 1)
        return self._found.get(id(schema))


def fillers(count: int) -> list[str]:
    """Short names for properties that may have any name."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [*letters[:count], *(f"a{number}" for number in range(count - len(letters)))]


def key_text(name: str) -> bytes:
    """The name of a property with its colon, as the grammar writes it."""
    return _json(name) + b":"


def _joined(start: bytes, entries: list[Shortest], end: bytes, cost: Callable[[bytes], int]) -> Shortest:
    text = start + b",".join(entry.text for entry in entries) + end
    if len(text) <= 400:
        return Shortest(text, cost(text))
    return Shortest(text, sum(entry.tokens for entry in entries) + len(entries) + 2)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if float(value).is_integer() else "number"
    return (
        "string" if isinstance(value, str) else "array" if as_list(value) is not None else "object" if as_object(value) is not None else ""
    )


def _is_within(number: float, given: dict[str, float]) -> bool:
    return given.get("minimum", -math.inf) <= number <= given.get("maximum", math.inf) and given.get(
        "exclusiveMinimum", -math.inf
    ) < number < given.get("exclusiveMaximum", math.inf)
