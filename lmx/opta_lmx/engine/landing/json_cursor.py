"""A position in a JSON text that is being written, and the texts that could end it.

It follows the text byte by byte, with every reading of the schema that is still possible. Texts are compact: no white space between
tokens. It need not be exact: the grammar checks what it proposes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .open_values import OpenArray, OpenObject, Reading, closing_of
from .schema_forms import Form
from .shortest_json import ShortestJson, fillers, key_text
from .string_ends import characters, end_of_string

Where = Literal["value", "first entry", "first key", "key", "in key", "colon", "string", "scalar", "after", "lost"]
READINGS_MAX, SAMPLE_MAX = 256, 64
_QUOTE, _BACKSLASH = 0x22, 0x5C
_OF_NUMBERS = frozenset(b"0123456789.eE+-")
_TYPE_OF_BYTE = {0x22: ("string",), 0x74: ("boolean",), 0x66: ("boolean",), 0x6E: ("null",), 0x7B: ("object",), 0x5B: ("array",)}


@dataclass(frozen=True)
class Ending:
    """A text that may end the answer. `searched`: between the text so far and it, the grammar has to find the rest of a scalar."""

    text: bytes
    tokens: int
    searched: bool = False


class JsonCursor:
    """`after` returns a new cursor; a cursor never changes."""

    __slots__ = ("_is_escaped", "_raw", "_readings", "_shortest", "depth", "where")

    def __init__(self, shortest: ShortestJson):
        self._shortest = shortest
        self.where: Where = "value"
        self.depth = 0
        self._readings: tuple[Reading, ...] = (Reading(None, shortest.forms.root),)
        # Of the key or scalar that is being written.
        self._raw: bytes = b""
        self._is_escaped = False

    @property
    def number_length(self) -> int:
        """Bytes of the number that is being written; 0 outside of numbers."""
        return len(self._raw) if self.where == "scalar" and self._raw[0] in _OF_NUMBERS else 0

    @property
    def is_after_entry(self) -> bool:
        """Whether an array may end here, or go on."""
        return self.where == "after" and any(isinstance(reading.outer, OpenArray) for reading in self._readings)

    @property
    def owes(self) -> bool:
        """Whether required properties are still missing in an open object."""
        return any(reading.owes for reading in self._readings)

    def after(self, text: bytes) -> "JsonCursor":
        """The cursor after more text."""
        cursor = object.__new__(JsonCursor)
        cursor._shortest, cursor.where, cursor.depth, cursor._readings = self._shortest, self.where, self.depth, self._readings
        cursor._raw, cursor._is_escaped = self._raw, self._is_escaped
        for byte in text:
            cursor._take(byte)
        return cursor

    def endings(self) -> list[Ending]:
        """Texts that may end the answer here, the one with the fewest tokens first."""
        found = [ending for reading in self._readings for ending in self._endings_of(reading)]
        return sorted(found, key=lambda ending: ending.tokens)

    def _take(self, byte: int) -> None:
        match self.where:
            case "string" | "in key":
                self._raw += bytes((byte,))
                if self._is_escaped:
                    self._is_escaped = False
                elif byte == _BACKSLASH:
                    self._is_escaped = True
                elif byte == _QUOTE:
                    self._end_string()
            case "scalar":
                if byte in b",]}":
                    self._end_scalar()
                    self._take(byte)
                else:
                    self._raw += bytes((byte,))
            case "colon":
                self.where = "value"
            case "lost":
                pass
            case _ if byte in b"]}":
                self.depth -= 1
                self._close(OpenObject if byte == 0x7D else OpenArray)
            case "after":
                self._separate()
            case "key" | "first key":
                self._raw, self.where = bytes((byte,)), "in key"
            case _:
                self._begin_value(byte)

    def _begin_value(self, byte: int) -> None:
        readings = [_with_first(reading) for reading in self._readings] if self.where == "first entry" else list(self._readings)
        if byte not in b"{[":
            self._readings = tuple(readings)
            self._raw, self._is_escaped = bytes((byte,)), False
            self.where = "string" if byte == _QUOTE else "scalar"
            return
        self.depth += 1
        kind = "object" if byte == 0x7B else "array"
        made = [(reading.outer, form) for reading in readings for form in self._shortest.forms.of(reading.schema) if kind in form.types]
        if kind == "object":
            self._go("first key", [Reading(OpenObject(form, (), outer)) for outer, form in made])
        else:
            self._go("first entry", [Reading(OpenArray(form, 0, outer)) for outer, form in made])

    def _end_string(self) -> None:
        if self.where == "string":
            self._end_scalar()
            return
        try:
            name = str(json.loads(self._raw))
        except ValueError:
            name = "\ufffd"
        readings = [
            Reading(reading.outer.with_property(name), reading.outer.form.property(name))
            for reading in self._readings
            if isinstance(reading.outer, OpenObject)
        ]
        self._go("colon", [reading for reading in readings if reading.schema is not False])

    def _end_scalar(self) -> None:
        kinds = _TYPE_OF_BYTE.get(self._raw[0], ("integer", "number"))
        value = self._raw
        self._go(
            "after",
            [
                Reading(reading.outer)
                for reading in self._readings
                if any(_admits(form, kinds, value) for form in self._shortest.forms.of(reading.schema))
            ],
        )

    def _close(self, kind: type[OpenArray | OpenObject]) -> None:
        closed = [reading.outer for reading in self._readings if isinstance(reading.outer, kind)]
        self._go("after", [Reading(value.outer) for value in closed if not (isinstance(value, OpenObject) and value.missing)])

    def _separate(self) -> None:
        inside = [reading.outer for reading in self._readings]
        objects = [Reading(value) for value in inside if isinstance(value, OpenObject)]
        entries = [Reading(value.with_entry(), value.form.item(value.count)) for value in inside if isinstance(value, OpenArray)]
        if objects:
            self._go("key", objects)
        else:
            self._go("value", [reading for reading in entries if reading.schema is not False])

    def _go(self, where: Where, readings: list[Reading]) -> None:
        self._readings = tuple(readings[:READINGS_MAX])
        self.where = where if readings else "lost"

    def _endings_of(self, reading: Reading) -> Iterator[Ending]:
        if self.where == "lost":
            return
        if self.where in ("key", "in key") and isinstance(reading.outer, OpenObject):
            yield from self._keys(reading.outer)
            return
        rest = closing_of(reading.outer, self._shortest)
        if rest is None:
            return
        match self.where:
            case "value" | "colon":
                if (value := self._shortest.of(reading.schema)) is not None:
                    colon = b":" if self.where == "colon" else b""
                    yield Ending(colon + value.text + rest.text, len(colon) + value.tokens + rest.tokens)
            case "string" | "scalar":
                yield from self._rests(reading, rest.text, rest.tokens)
            case _:
                yield Ending(rest.text, rest.tokens)

    def _keys(self, value: OpenObject) -> Iterator[Ending]:
        begun = self._raw if self.where == "in key" else b""
        extra = fillers(len(value.seen) + 1) if value.form.property("") is not False else []
        for name in [*value.names(), *[name for name in extra if name not in value.seen][:1]]:
            key = key_text(name)
            entry = self._shortest.of(value.form.property(name))
            rest = value.with_property(name).closing(self._shortest)
            if entry is not None and rest is not None and key.startswith(begun):
                yield Ending(key[len(begun) :] + entry.text + rest.text, 4 + entry.tokens + rest.tokens)
        entry, rest = self._shortest.of(value.form.property("")), value.with_property("\ufffd").closing(self._shortest)
        if begun and extra and entry is not None and rest is not None:
            yield Ending(end_of_string(begun, self._is_escaped) + b":" + entry.text + rest.text, 4 + entry.tokens + rest.tokens)

    def _rests(self, reading: Reading, rest: bytes, tokens: int) -> Iterator[Ending]:
        """The ways to complete a scalar, followed by `rest`."""
        for form in self._shortest.forms.of(reading.schema):
            if form.values is not None:
                texts = [json.dumps(value, ensure_ascii=False).encode() for value in form.values if not isinstance(value, list | dict)]
                for text in texts:
                    if text.startswith(self._raw):
                        yield Ending(text[len(self._raw) :] + rest, tokens + 1 + len(text) // 3)
            elif self.where == "scalar":
                word = next((word for word in (b"true", b"false", b"null") if word.startswith(self._raw)), None)
                yield Ending((word or self._raw)[len(self._raw) :] + rest, tokens)
                if word is None:
                    yield Ending(rest, tokens + 2, searched=True)
            elif "string" in form.types:
                if "pattern" in form.fields or "format" in form.fields:
                    # The rest of a short string, wherever in it the text stands.
                    inside = self._shortest.sample(form)[1]
                    for at in range(min(len(inside), SAMPLE_MAX), -1, -1):
                        yield Ending(inside[at:] + b'"' + rest, tokens + 1 + len(inside) - at)
                    yield Ending(rest, tokens + 2, searched=True)
                else:
                    padding = max(0, form.count("minLength") - characters(self._raw))
                    yield Ending(end_of_string(self._raw, self._is_escaped, padding) + rest, tokens + 1 + padding)


def _with_first(reading: Reading) -> Reading:
    """The reading at the first entry of an array, once there is one."""
    assert isinstance(reading.outer, OpenArray)
    return Reading(reading.outer.with_entry(), reading.outer.form.item(0))


def _admits(form: Form, kinds: tuple[str, ...], raw: bytes) -> bool:
    if not set(kinds) & set(form.types):
        return False
    if form.values is None:
        return True
    try:
        return json.loads(raw) in form.values
    except ValueError:
        return False
