"""The JSON schema of a Struct in the short form for models: no references, no titles, no `null` for optional fields."""

import functools
from typing import Any, cast

import msgspec

_TEMPLATE = "#/{name}"
# Fixed order in every object, so that the same declaration always gives the same bytes.
_KEPT = ("type", "description", "enum", "minimum", "maximum", "minItems", "maxItems")


@functools.cache
def parameters_of(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a tool's arguments: an object with its properties in declaration order. The result is shared: do not modify it."""
    _, definitions = msgspec.json.schema_components([arguments], ref_template=_TEMPLATE)
    return {name: part for name, part in _short(definitions[arguments.__name__], definitions).items() if name != "description"}


def _short(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_TEMPLATE.format(name=""))
        # The docstring of a Struct is for readers of the code only.
        referred = {key: part for key, part in definitions[name].items() if key != "description"}
        return _short({**referred, **{key: part for key, part in schema.items() if key != "$ref"}}, definitions)
    if "anyOf" in schema:
        options = [option for option in cast("list[dict[str, Any]]", schema["anyOf"]) if option.get("type") != "null"]
        if len(options) == 1:
            return _short({**options[0], **{key: part for key, part in schema.items() if key not in ("anyOf", "default")}}, definitions)
        return {"anyOf": [_short(option, definitions) for option in options]}
    found = {name: schema[name] for name in _KEPT if name in schema}
    if "enum" in schema and "type" not in schema and all(isinstance(value, str) for value in schema["enum"]):
        found = {"type": "string", **found}
    if "items" in schema:
        found["items"] = _short(schema["items"], definitions)
    if "properties" in schema:
        found["properties"] = {name: _short(part, definitions) for name, part in schema["properties"].items()}
        found["required"] = schema.get("required", [])
        found["additionalProperties"] = False
    return found
