"""A schema that asks for less: for answers whose token budget is too small for what the schema requires."""

from typing import Any

from ...json_values import as_list, as_object

_REQUIRING = ("required", "minItems", "minLength", "minProperties")
_DATA = ("const", "enum", "default", "examples")


def relaxed(schema: Any) -> Any:
    """The schema without required properties and least lengths. What an answer may hold stays the same."""
    if (entries := as_list(schema)) is not None:
        return [relaxed(entry) for entry in entries]
    fields = as_object(schema)
    if fields is None:
        return schema
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "properties":
            # The names of properties are no keywords.
            found[name] = {key: relaxed(part) for key, part in (as_object(value) or {}).items()}
        elif name not in _REQUIRING:
            found[name] = value if name in _DATA else relaxed(value)
    return found
