"""A JSON schema as the plain forms that a value may have: references followed, combinations merged.

It guides the search for short completions and need not be exact: the grammar checks whatever is found.
"""

from typing import Any

from ...json_values import as_list, as_object

Schema = Any
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
# Combinations multiply: more forms than this are left out.
FORMS_MAX = 256
_COMBINERS = ("$ref", "allOf", "anyOf", "oneOf", "$defs", "definitions")


class Form:
    """One plain form. `fields`: its keywords without references and combinations."""

    __slots__ = ("_extra", "fields", "properties", "required", "types", "values")

    def __init__(self, fields: dict[str, Any]):
        self.fields = fields
        kinds: Any = fields.get("type")
        wanted = {kinds} if isinstance(kinds, str) else set(as_list(kinds) or TYPES)
        self.types = tuple(kind for kind in TYPES if kind in wanted)
        self.properties: dict[str, Schema] = as_object(fields.get("properties")) or {}
        # In the order of the grammar: as the properties are declared, then the others.
        names = [str(name) for name in as_list(fields.get("required")) or []]
        self.required = [name for name in self.properties if name in names] + [name for name in names if name not in self.properties]
        given = [fields["const"]] if "const" in fields else as_list(fields.get("enum"))
        self.values: list[Any] | None = given
        self._extra: Schema = fields.get("additionalProperties", True)

    def property(self, name: str) -> Schema:
        """The schema of a property; False when it is not allowed."""
        if name in self.properties:
            return self.properties[name]
        patterns = as_object(self.fields.get("patternProperties")) or {}
        # Which pattern it matches is for the grammar to say; `False` would end a form that may be right.
        return next(iter(patterns.values())) if patterns and self._extra is False else self._extra

    def item(self, at: int) -> Schema:
        """The schema of an entry of an array; False when there may be none."""
        first = as_list(self.fields.get("prefixItems")) or as_list(self.fields.get("items")) or []
        if at < len(first):
            return first[at]
        return self.fields.get("additionalItems", True) if isinstance(self.fields.get("items"), list) else self.fields.get("items", True)

    def count(self, name: str) -> int:
        """The value of a keyword that counts; 0 when it is absent."""
        value = self.fields.get(name)
        return int(value) if isinstance(value, int | float) else 0


class SchemaForms:
    """The forms of a schema and of every schema inside it. `root`: the whole document, which references refer to."""

    def __init__(self, root: Schema):
        self.root = root
        self._known: dict[int, tuple[Schema, list[Form]]] = {}

    def of(self, schema: Schema) -> list[Form]:
        """The forms that a value of `schema` may have."""
        known = self._known.get(id(schema))
        if known is None:
            # The schema is kept too, so that its id is not used again.
            known = self._known[id(schema)] = (schema, [Form(fields) for fields in self._merged(schema, ())])
        return known[1]

    def _merged(self, schema: Schema, within: tuple[str, ...]) -> list[dict[str, Any]]:
        if schema is False:
            return []
        fields = as_object(schema)
        if fields is None:
            return [{}]
        found = [{name: value for name, value in fields.items() if name not in _COMBINERS}]
        reference = fields.get("$ref")
        if isinstance(reference, str):
            # A reference that leads to itself without a value in between allows nothing.
            inner = [] if reference in within else self._merged(self._resolved(reference), (*within, reference))
            found = _each(found, inner)
        for part in as_list(fields.get("allOf")) or []:
            found = _each(found, self._merged(part, within))
        for name in ("anyOf", "oneOf"):
            if (parts := as_list(fields.get(name))) is not None:
                found = _each(found, [form for part in parts for form in self._merged(part, within)])
        return found

    def _resolved(self, reference: str) -> Schema:
        node: Any = self.root
        if not reference.startswith("#"):
            return True
        for part in reference.removeprefix("#").removeprefix("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if name and (fields := as_object(node)) is not None:
                node = fields.get(name, True)
            elif name and (entries := as_list(node)) is not None and name.isdecimal() and int(name) < len(entries):
                node = entries[int(name)]
        return node


def _each(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_both(one, other) for one in left for other in right][:FORMS_MAX]


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The keywords of two schemas that hold together."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        a, b = one[name], other[name]
        if name == "properties":
            found[name] = {**a, **{key: {"allOf": [a[key], value]} if key in a else value for key, value in b.items()}}
        elif name == "required":
            found[name] = list(dict.fromkeys([*a, *b]))
        elif name == "type":
            found[name] = _common_types(a, b)
        elif name in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
            found[name] = max(a, b)
        elif name in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
            found[name] = min(a, b)
        elif name == "enum":
            found[name] = [value for value in a if value in b]
        elif name in ("items", "additionalProperties"):
            found[name] = {"allOf": [a, b]}
    return found


def _common_types(one: Any, other: Any) -> list[str]:
    a, b = ({kinds} if isinstance(kinds, str) else set(kinds) for kinds in (one, other))
    found = a & b
    if "integer" in a | b and "number" in a | b:
        found |= {"integer"}
    return sorted(found)
