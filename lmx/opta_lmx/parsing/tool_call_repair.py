"""Repairs the tool calls of local models: parses almost-JSON, and corrects names and types by the offered tools.

Nothing is invented: text with an unterminated string or a missing value is not a call. Pure text and values.
"""

import ast
import json
import re
from typing import Any

from ..json_values import as_list, as_object

NAME_KEYS = ("name", "tool", "function", "tool_name", "function_name")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "params")
_FENCE = re.compile(r"^\s*```(?:json|tool_call|tool_code)?\s*\n?(.*?)\n?\s*```\s*$", re.DOTALL)
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}

ToolCall = tuple[str, dict[str, Any]]


def calls_of(text: str, tools: list[dict[str, Any]], *, only_known: bool = False) -> list[ToolCall]:
    """The calls in a text, [] when it has none. `only_known`: a call of an unknown tool makes it plain text."""
    found: list[ToolCall] = []
    for value in _values(text):
        for call in _unwrapped(value):
            named = _call(call, tools)
            if named is None or (only_known and named[0] not in _names(tools)):
                return []
            found.append(named)
    return found


def fitted(name: str, arguments: dict[str, Any], tools: list[dict[str, Any]]) -> ToolCall:
    """A call with its name and the types of its arguments corrected by the tools' declarations, where the meaning is clear."""
    known = _names(tools)
    name = name.strip()
    if name not in known:
        plain = _plain(name)
        name = next((other for other in known if _plain(other) == plain), name)
    schema = next((tool["function"].get("parameters") for tool in tools if tool["function"]["name"] == name), None)
    return name, as_object(_typed(arguments, schema)) or {}


def are_known(calls: list[ToolCall], tools: list[dict[str, Any]]) -> bool:
    """Whether every call is of an offered tool."""
    return all(name in _names(tools) for name, _ in calls)


def might_be_call(text: str) -> bool:
    """Whether an incomplete text could be a bare call: an object with a key of a call, alone, in a list or in a code fence."""
    rest = text.lstrip()
    for opener in ("```json", "```tool_call", "```tool_code", "```"):
        if opener.startswith(rest):
            return True
        if rest.startswith(opener):
            rest = rest[len(opener) :].lstrip()
            break
    rest = rest.removeprefix("[").lstrip()
    if not rest:
        return True
    if not rest.startswith("{"):
        return False
    rest = rest[1:].lstrip()
    if not rest:
        return True
    if rest[0] not in "\"'":
        return False
    key = rest[1:]
    return any(
        wanted.startswith(key) or re.match(rf"{wanted}[\"']", key) for wanted in (*NAME_KEYS, *ARGUMENT_KEYS, "tool_calls", "type", "id")
    )


def _values(text: str) -> list[Any]:
    if fenced := _FENCE.match(text):
        text = fenced.group(1)
    text = text.strip().strip(";,").strip()
    for attempt in (text, _repaired(text)):
        if attempt and (found := _decoded(attempt)):
            return found
    try:
        return [ast.literal_eval(text)]
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return []


def _decoded(text: str) -> list[Any]:
    """The JSON values of a text that consists of nothing else; [] otherwise."""
    decoder = json.JSONDecoder(strict=False)
    found: list[Any] = []
    at = 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        found.append(value)
        while at < len(text) and text[at] in " \t\r\n,;":
            at += 1
    return found


def _repaired(text: str) -> str:
    """The text without trailing commas, with JSON's words for Python's, and with unclosed brackets closed; '' when that is impossible."""
    out: list[str] = []
    closers: list[str] = []
    at, in_string = 0, False
    while at < len(text):
        character = text[at]
        if in_string:
            if character == "\\":
                out.append(text[at : at + 2])
                at += 2
                continue
            in_string = character != '"'
        elif character == '"':
            in_string = True
        elif character in "{[":
            closers.append("}" if character == "{" else "]")
        elif character in "}]":
            while out and (out[-1].isspace() or out[-1] == ","):
                out.pop()
            while closers and closers[-1] != character:
                out.append(closers.pop())
            if not closers:
                at += 1
                continue
            closers.pop()
        elif character.isalpha() and (word := re.match(r"[A-Za-z]+", text[at:])):
            out.append(_PYTHON_WORDS.get(word.group(), word.group()))
            at += len(word.group())
            continue
        out.append(character)
        at += 1
    if in_string:
        return ""
    while out and (out[-1].isspace() or out[-1] == ","):
        out.pop()
    # A missing value cannot be guessed.
    return "" if out and out[-1] == ":" else "".join([*out, *reversed(closers)])


def _unwrapped(value: Any) -> list[Any]:
    if (entries := as_list(value)) is not None:
        return [inner for entry in entries for inner in _unwrapped(entry)]
    call = as_object(value)
    if call is not None and isinstance(call.get("tool_calls"), list):
        return _unwrapped(call["tool_calls"])
    return [value]


def _call(value: Any, tools: list[dict[str, Any]]) -> ToolCall | None:
    call = as_object(value)
    if call is None:
        return None
    if (inner := as_object(call.get("function"))) is not None:
        call = {**{key: entry for key, entry in call.items() if key != "function"}, **inner}
    name = next((call[key] for key in NAME_KEYS if isinstance(call.get(key), str)), None)
    if name is None:
        return None
    arguments: Any = next((call[key] for key in ARGUMENT_KEYS if key in call), None)
    if isinstance(arguments, str) and arguments.strip():
        values = _values(arguments)
        arguments = values[0] if len(values) == 1 else arguments
    found = as_object({} if arguments is None or arguments == "" else arguments)
    return None if found is None else fitted(name, found, tools)


def _typed(value: Any, schema: Any) -> Any:
    """A value converted to the type of its schema when both mean the same; otherwise unchanged."""
    known = as_object(schema)
    if known is None:
        return value
    kind = _kind(known)
    if isinstance(value, str) and kind != "string":
        return _typed_text(value, kind, known)
    if kind == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    properties, fields, entries = as_object(known.get("properties")), as_object(value), as_list(value)
    if entries is not None:
        return [_typed(entry, known.get("items")) for entry in entries]
    if kind == "array" and value is not None:
        return [_typed(value, known.get("items"))]
    if fields is None or properties is None:
        return value
    required = as_list(known.get("required")) or []
    # To a tool, null is the same as a missing optional argument.
    empty = {
        key
        for key, entry in fields.items()
        if entry is None and key in properties and key not in required and not _takes_null(properties[key])
    }
    return {key: _typed(entry, properties.get(key)) for key, entry in fields.items() if key not in empty}


def _kind(schema: dict[str, Any]) -> str:
    kinds = schema.get("type")
    return str(next((kind for kind in as_list(kinds) or [kinds] if kind not in (None, "null")), ""))


def _typed_text(text: str, kind: str, schema: dict[str, Any]) -> Any:
    if kind in ("integer", "number") and re.fullmatch(r"\s*-?\d{1,15}\s*", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"\s*-?\d{1,15}\.\d{1,15}\s*", text):
        return float(text)
    if kind == "boolean" and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    if kind in ("object", "array"):
        found = _decoded(text.strip())
        if len(found) == 1 and isinstance(found[0], dict if kind == "object" else list):
            return _typed(found[0], schema)
        if kind == "array":
            return [_typed(text, schema.get("items"))]
    return text


def _takes_null(schema: Any) -> bool:
    kinds = (as_object(schema) or {}).get("type")
    return "null" in (as_list(kinds) or [kinds])


def _names(tools: list[dict[str, Any]]) -> list[str]:
    return [tool["function"]["name"] for tool in tools]


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("functions.").removeprefix("default_api.").replace("-", "_").rstrip("()")
