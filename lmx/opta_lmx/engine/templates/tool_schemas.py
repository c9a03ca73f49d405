"""Declared tools in the forms that templates expect: every field there, and, where a template needs it, no type but the plain ones."""

from typing import Any

from ...json_values import as_list, as_object

_EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
_NONE: dict[str, Any] = {}
_KEPT = ("description", "enum", "default")


def regular(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool with a description and an object of parameters: many templates read these of every tool."""
    function = as_object(tool.get("function")) or tool
    parameters = {**_EMPTY, **(as_object(function.get("parameters")) or {})}
    return {
        "type": "function",
        "function": {**function, "description": function.get("description") or "", "parameters": parameters},
    }


def simplified(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose parameters each have one plain type, for templates that read no more of JSON schema."""
    function = tool["function"]
    return {"type": "function", "function": {**function, "parameters": _object(function["parameters"], function["parameters"], 0)}}


def _object(schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    properties = as_object(schema.get("properties")) or {}
    found = {name: _plain(as_object(part) or {}, root, depth + 1) for name, part in properties.items()}
    kept = {key: schema[key] for key in _KEPT if key in schema}
    return {**kept, "type": "object", "properties": found, "required": as_list(schema.get("required")) or []}


def _plain(schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    if (reference := schema.get("$ref")) and isinstance(reference, str):
        target: Any = root
        for step in reference.removeprefix("#/").split("/"):
            target = (as_object(target) or {}).get(step)
        schema = {**(as_object(target) or {}), **{key: value for key, value in schema.items() if key != "$ref"}}
    options = [option for key in ("anyOf", "oneOf", "allOf") for option in as_list(schema.get(key)) or []]
    chosen = next((option for each in options if (option := as_object(each)) and option.get("type") != "null"), _NONE)
    schema = {**chosen, **{key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf")}}
    kinds = schema.get("type")
    kind = next(
        (str(each) for each in as_list(kinds) or [kinds] if each not in (None, "null")), "object" if "properties" in schema else "string"
    )
    if kind == "object" and depth < 16:
        return _object(schema, root, depth)
    found: dict[str, Any] = {"description": "", **{key: schema[key] for key in _KEPT if key in schema}, "type": kind}
    if kind == "array" and depth < 16:
        found["items"] = _plain(as_object(schema.get("items")) or {}, root, depth + 1)
    return found
