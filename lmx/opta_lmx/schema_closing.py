"""Objects of a JSON schema that name their properties and do not say whether there may be others: a model writes none.

Whoever reads the answer knows the named ones, and a small model that may invent further ones invents them until its tokens are used up. Every
value of a closed schema is one of the schema as it was given. An object stays open where a part beside it could ask for a property that it
does not name: `allOf` and its parts, `anyOf` and `oneOf` beside properties, and definitions where anything is combined by `allOf`.
"""

from typing import Any

from .json_values import as_list, as_object

_PARTS = ("anyOf", "oneOf", "allOf")
_NAMED = ("properties", "patternProperties")
_DEFINED = ("$defs", "definitions")
# Keywords that make an object more than its properties.
_OPENING = ("$ref", "additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties", *_PARTS)
_DATA = ("const", "enum", "default", "examples", "example", "required")


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with `additionalProperties: false` where an object names its properties and nothing else is said."""
    return _closed(schema, may_close=True, are_parts_combined=_has_all_of(schema))


def _closed(schema: Any, *, may_close: bool, are_parts_combined: bool) -> Any:
    if (entries := as_list(schema)) is not None:
        return [_closed(entry, may_close=may_close, are_parts_combined=are_parts_combined) for entry in entries]
    fields = as_object(schema)
    if fields is None:
        return schema

    def inner(part: Any, may_close: bool) -> Any:
        return _closed(part, may_close=may_close, are_parts_combined=are_parts_combined)

    is_alone = not ({"properties", "required", "$ref"} & set(fields))
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _DATA:
            found[name] = value
        elif name in _NAMED and (parts := as_object(value)) is not None:
            found[name] = {key: inner(part, True) for key, part in parts.items()}
        elif name in _DEFINED and (parts := as_object(value)) is not None:
            found[name] = {key: inner(part, not are_parts_combined) for key, part in parts.items()}
        elif name == "allOf":
            found[name] = inner(value, False)
        elif name in _PARTS:
            found[name] = inner(value, may_close and is_alone)
        else:
            found[name] = inner(value, True)
    if may_close and _is_plain(fields):
        found["additionalProperties"] = False
    return found


def _is_plain(fields: dict[str, Any]) -> bool:
    """Whether it is an object with named properties, of which each required one is named."""
    named = as_object(fields.get("properties")) or {}
    return (
        named != {}
        and fields.get("type", "object") == "object"
        and not set(_OPENING) & set(fields)
        and all(isinstance(name, str) and name in named for name in as_list(fields.get("required")) or [])
    )


def _has_all_of(schema: Any) -> bool:
    if (entries := as_list(schema)) is not None:
        return any(map(_has_all_of, entries))
    fields = as_object(schema)
    if fields is None:
        return False
    return "allOf" in fields or any(_has_all_of(value) for name, value in fields.items() if name not in _DATA)
