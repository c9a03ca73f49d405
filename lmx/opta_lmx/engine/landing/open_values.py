"""The arrays and objects that are open at a reading in a JSON text, each with the form that it may have, and how to close them."""

from dataclasses import dataclass

from .schema_forms import Form, Schema
from .shortest_json import ShortestJson, fillers, key_text


@dataclass(frozen=True)
class Closing:
    """A text that ends all open values, and the number of its tokens, about."""

    text: bytes
    tokens: int


END = Closing(b"", 0)


class OpenArray:
    """An array with `count` complete entries."""

    __slots__ = ("_closing", "count", "form", "outer")

    def __init__(self, form: Form, count: int, outer: "OpenValue | None"):
        self.form, self.count, self.outer = form, count, outer
        self._closing: Closing | None = None

    def with_entry(self) -> "OpenArray":
        """The array with one more entry."""
        return OpenArray(self.form, self.count + 1, self.outer)

    def closing(self, shortest: ShortestJson) -> Closing | None:
        """What ends it and everything around it, after a complete entry or at its start."""
        if self._closing is None and (rest := closing_of(self.outer, shortest)) is not None:
            parts: list[bytes] = []
            tokens = rest.tokens + 1
            for at in range(self.count, self.form.count("minItems")):
                entry = shortest.of(self.form.item(at))
                if entry is None:
                    return None
                parts.append((b"," if at else b"") + entry.text)
                tokens += entry.tokens + 1
            self._closing = Closing(b"".join(parts) + b"]" + rest.text, tokens)
        return self._closing


class OpenObject:
    """An object with the properties `seen`."""

    __slots__ = ("_closing", "form", "outer", "seen")

    def __init__(self, form: Form, seen: tuple[str, ...], outer: "OpenValue | None"):
        self.form, self.seen, self.outer = form, seen, outer
        self._closing: Closing | None = None

    @property
    def missing(self) -> list[str]:
        """The required properties that are not there, in order."""
        return [name for name in self.form.required if name not in self.seen]

    def closing(self, shortest: ShortestJson) -> Closing | None:
        """What ends it and everything around it, after a complete property or at its start."""
        if self._closing is not None or (rest := closing_of(self.outer, shortest)) is None:
            return self._closing
        parts: list[bytes] = []
        tokens = rest.tokens + 1
        for name in self._owed():
            value = shortest.of(self.form.property(name))
            if value is None:
                return None
            parts.append((b"," if self.seen or parts else b"") + key_text(name) + value.text)
            tokens += value.tokens + 4
        self._closing = Closing(b"".join(parts) + b"}" + rest.text, tokens)
        return self._closing

    def with_property(self, name: str) -> "OpenObject":
        """The object with one more property."""
        return OpenObject(self.form, (*self.seen, name), self.outer)

    def _owed(self) -> list[str]:
        names = self.missing
        lacking = self.form.count("minProperties") - len(self.seen) - len(names)
        others = [*self.form.properties, *fillers(lacking + len(self.seen))] if lacking > 0 else []
        return names + [name for name in others if name not in self.seen and name not in names][: max(0, lacking)]

    def names(self) -> list[str]:
        """The properties that may come next, the ones that have to come first."""
        return [*self.missing, *(name for name in self.form.properties if name not in self.seen and name not in self.form.required)]


OpenValue = OpenArray | OpenObject


def closing_of(value: OpenValue | None, shortest: ShortestJson) -> Closing | None:
    """What ends an open value and everything around it; None when that is not known."""
    return END if value is None else value.closing(shortest)


@dataclass(frozen=True)
class Reading:
    """One reading of the text so far. `outer`: the open values, as they are once the value in progress is complete; `schema`: of that value."""

    outer: OpenValue | None
    schema: Schema = None

    @property
    def owes(self) -> bool:
        """Whether required properties are still missing in an open object."""
        value = self.outer
        while value is not None:
            if isinstance(value, OpenObject) and value.missing:
                return True
            value = value.outer
        return False
