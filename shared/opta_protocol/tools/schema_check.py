"""Checks the arguments of a call against the JSON schema of its MCP server.

Only the names and types of fields are checked. Patterns and formats are left to the server, because a hostile pattern can take
unlimited time.
"""

from typing import Any, cast

import msgspec

# A schema that is deeper, or needs more steps, counts as matching: the server checks again.
_DEPTH_MAX, _STEPS_MAX = 32, 20_000


def problem(tool: str, args: dict[str, Any], schema: dict[str, Any]) -> str:
    """What does not match `schema`, and where; '' when the arguments match."""
    return _Check(schema).problem(tool, args)


class _TooDeep(Exception):
    """The schema takes too many steps to check."""


_NAMES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
# When one of these keywords is present beside `properties`, it may declare further fields.
_FIELDS_ELSEWHERE = ("additionalProperties", "patternProperties", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "$ref", "if")


class _Check:
    """Checks values against one JSON schema. Follows references within the schema only; nothing is fetched."""

    def __init__(self, schema: dict[str, Any]):
        self._root = schema
        self._steps = 0

    def problem(self, tool: str, args: dict[str, Any]) -> str:
        """What does not match, and where."""
        try:
            if said := self._check(args, self._root, tool, 0):
                return said
        except _TooDeep:
            return ""
        declared = self._root.get("properties")
        if isinstance(declared, dict) and declared and not any(word in self._root for word in _FIELDS_ELSEWHERE):
            fields = cast("dict[str, Any]", declared)
            if unknown := next((name for name in args if name not in fields), None):
                return f"{tool} has no field {unknown[:80]!r}; it takes {', '.join(fields)[:400]}"
        return ""

    def _check(self, value: Any, schema: Any, where: str, depth: int) -> str:
        self._steps += 1
        if depth > _DEPTH_MAX or self._steps > _STEPS_MAX:
            raise _TooDeep
        if schema is False:
            return f"{where} may not be given"
        if not isinstance(schema, dict):
            return ""
        rules = cast("dict[str, Any]", schema)
        if isinstance(rules.get("$ref"), str) and (said := self._check(value, self._referred(rules["$ref"]), where, depth + 1)):
            return said
        if said := _type_problem(value, rules.get("type"), where) or _value_problem(value, rules, where):
            return said
        return self._parts(value, rules, where, depth) or self._combined(value, rules, where, depth)

    def _parts(self, value: Any, rules: dict[str, Any], where: str, depth: int) -> str:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            declared = cast("dict[str, Any]", rules["properties"]) if isinstance(rules.get("properties"), dict) else {}
            required = cast("list[Any]", rules["required"]) if isinstance(rules.get("required"), list) else []
            if missing := next((name for name in required if name not in fields), None):
                return f"{where} misses the field {missing!r}"
            further = rules.get("additionalProperties")
            for name, part in fields.items():
                if name in declared:
                    rule = declared[name]
                elif "patternProperties" in rules:
                    continue
                elif further is False:
                    return f"{where} has no field {name[:80]!r}; it takes {', '.join(declared)[:400]}"
                else:
                    rule = further
                if said := self._check(part, rule, f"{where}.{name[:80]}", depth + 1):
                    return said
        if isinstance(value, list):
            for number, part in enumerate(cast("list[Any]", value)):
                if said := self._check(part, rules.get("items"), f"{where}[{number}]", depth + 1):
                    return said
        return ""

    def _combined(self, value: Any, rules: dict[str, Any], where: str, depth: int) -> str:
        for rule in _list(rules.get("allOf")):
            if said := self._check(value, rule, where, depth + 1):
                return said
        for word in ("anyOf", "oneOf"):
            said = [self._check(value, rule, where, depth + 1) for rule in _list(rules.get(word))]
            if said and all(said):
                return said[0] if len(said) == 1 else f"{where} fits none of what it may be: {'; '.join(dict.fromkeys(said))[:400]}"
        return ""

    def _referred(self, pointer: str) -> Any:
        found: Any = self._root
        if not pointer.startswith("#"):
            return None
        for part in pointer[1:].split("/")[1:]:
            if not isinstance(found, dict):
                return None
            found = cast("dict[str, Any]", found).get(part.replace("~1", "/").replace("~0", "~"))
        return found


def _list(found: Any) -> list[Any]:
    return cast("list[Any]", found) if isinstance(found, list) else []


def _type_problem(value: Any, wanted: Any, where: str) -> str:
    names = [wanted] if isinstance(wanted, str) else [name for name in _list(wanted) if isinstance(name, str)]
    known = [name for name in names if name in _NAMES]
    if not known or len(known) < len(names) or any(_is_of(value, name) for name in known):
        return ""
    return f"{where} is {_name_of(value)}, and has to be {' or '.join(known)}"


def _is_of(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _NAMES[name])


def _name_of(value: Any) -> str:
    return next((name for name in ("boolean", *_NAMES) if _is_of(value, name)), "something else")


def _value_problem(value: Any, rules: dict[str, Any], where: str) -> str:
    if isinstance(rules.get("enum"), list) and not any(_same(value, each) for each in rules["enum"]):
        return f"{where} has to be one of {msgspec.json.encode(rules['enum']).decode()[:400]}"
    if "const" in rules and not _same(value, rules["const"]):
        return f"{where} has to be {msgspec.json.encode(rules['const']).decode()[:400]}"
    return ""


def _same(one: Any, other: Any) -> bool:
    # True equals 1 in Python and not in JSON.
    return isinstance(one, bool) == isinstance(other, bool) and one == other
