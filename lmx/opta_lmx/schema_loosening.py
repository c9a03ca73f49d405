"""Keywords of JSON schemas that a grammar cannot hold: they are removed and named, or refused by name where the request is strict.

Keywords that say nothing (`uniqueItems: false`, a `then` without `if`) are removed silently. What older drafts and OpenAPI say in another
way is rewritten: `exclusiveMinimum: true` beside `minimum`, and `unevaluatedProperties: false` of a plain object.
"""

import json
import re
from typing import Any

from opta_core.errors import Refused

from .json_values import as_list, as_object

_UNHELD = (
    "not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "propertyNames", "dependentRequired",
    "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "$dynamicAnchor",
)  # fmt: skip
# Of `oneOf`, more than one form may hold unless they are plainly apart. Standard JSON types, numbers aside.
_APART = ("string", "boolean", "null", "array", "object")
# Formats that a grammar holds. The others are annotations, as the standard has them: they are never refused.
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "unknown")
_DATA = ("const", "enum", "default", "examples", "example", "required")
_NAMED = ("properties", "patternProperties", "$defs", "definitions")
_COMBINERS = ("$ref", "allOf", "anyOf", "oneOf")
# Look-around, word boundaries and references to groups, outside of escapes.
_UNHELD_IN_PATTERNS = re.compile(r"(?:[^\\]|\\[^bB1-9AZzGcK])*?(?:\(\?(?:=|!|<=|<!|>|P=|\()|\\[bB1-9AZzGcK])", re.DOTALL)
_DIALECTS = "json-schema.org/"


def loosened(field: str, schema: dict[str, Any], *, is_strict: bool) -> tuple[dict[str, Any], list[str]]:
    """A schema that a grammar can hold, and the names of what it leaves out. Raises Refused naming them when the request is strict."""
    names: dict[str, bool] = {}
    found: dict[str, Any] = _held(schema, names, schema)
    refused = [name for name, is_annotation in names.items() if not is_annotation]
    if is_strict and refused:
        raise Refused(f"Field '{field}': a strict schema cannot have {', '.join(refused)}. Remove it, or send `strict: false`.")
    return found, list(names)


def _held(schema: Any, names: dict[str, bool], root: Any) -> Any:
    """A schema without what cannot be held; adds what was left out to `names`, with whether it is only an annotation."""
    if (entries := as_list(schema)) is not None:
        return [_held(entry, names, root) for entry in entries]
    fields = as_object(schema)
    if fields is None:
        return schema
    fields = _rewritten(fields)
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _UNHELD:
            if not _says_nothing(fields, name):
                names[name] = False
        elif name == "format" and value not in _FORMATS:
            names[f"format {str(value)[:40]}"] = True
        elif name == "pattern" and isinstance(value, str) and _UNHELD_IN_PATTERNS.match(value):
            names["pattern"] = False
        elif name == "oneOf" and not _are_apart(as_list(value) or [], root):
            names["oneOf"] = True
            found[name] = _held(value, names, root)
        elif name in _NAMED and (parts := as_object(value)) is not None:
            found[name] = {key: _held(part, names, root) for key, part in parts.items()}
        else:
            found[name] = value if name in _DATA else _held(value, names, root)
    return found


def _rewritten(fields: dict[str, Any]) -> dict[str, Any]:
    found = dict(fields)
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(name), bool):
            is_exclusive = found.pop(name)
            if is_exclusive and bound in found:
                found[name] = found.pop(bound)
    if isinstance(found.get("required"), bool):
        # Of a property, in the third draft. In a later one it is meaningless.
        del found["required"]
    if "$schema" in found and not (isinstance(found["$schema"], str) and _DIALECTS in found["$schema"]):
        del found["$schema"]
    if found.get("unevaluatedProperties") is False and not set(_COMBINERS) & set(found):
        del found["unevaluatedProperties"]
        found.setdefault("additionalProperties", False)
    return found


def _says_nothing(fields: dict[str, Any], name: str) -> bool:
    match name:
        case "then" | "else":
            return "if" not in fields
        case "if":
            return "then" not in fields and "else" not in fields
        case "minContains" | "maxContains":
            return "contains" not in fields
        case "uniqueItems":
            return fields[name] is not True
        case "unevaluatedProperties" | "unevaluatedItems":
            return fields[name] in (True, {})
        case "$dynamicAnchor":
            return True
        case _:
            return fields[name] in (False, {}, []) and name != "not"


def _are_apart(parts: list[Any], root: Any) -> bool:
    """Whether no value can have two of these forms: by their types, or by a property that says which form it is."""
    marks = [_marks_of(part, root) for part in parts]
    return all(_differ(one, other) for at, one in enumerate(marks) for other in marks[:at])


def _marks_of(part: Any, root: Any) -> dict[str, set[str]]:
    """What tells a form from others: the values that it allows, of itself ('') and of its required properties, as JSON; its types ('type')."""
    fields = as_object(part) or {}
    for _ in range(8):
        reference = fields.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        node: Any = root
        for name in reference[2:].split("/"):
            node = (as_object(node) or {}).get(name.replace("~1", "/").replace("~0", "~"))
        fields = as_object(node) or {}
    kinds: Any = fields.get("type", [*list(_APART), "number"])
    marks = {"type": {"number" if kind == "integer" else str(kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)}}
    properties, required = as_object(fields.get("properties")) or {}, as_list(fields.get("required")) or []
    for key, owner in [("", fields), *((f".{name}", as_object(properties.get(str(name))) or {}) for name in required)]:
        values = [owner["const"]] if "const" in owner else as_list(owner.get("enum"))
        if values is not None:
            marks[key] = {json.dumps(value, sort_keys=True) for value in values}
    return marks


def _differ(one: dict[str, set[str]], other: dict[str, set[str]]) -> bool:
    return any(not one[key] & other[key] for key in one.keys() & other.keys())
