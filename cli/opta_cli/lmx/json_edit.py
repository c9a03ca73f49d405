"""Sets values in the text of a JSON file that a person keeps, comments and trailing commas included; everything else stays as it is."""

import json
import re
from typing import Any

import msgspec

from opta_core.errors import Refused

_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
INDENT = 2


class Span(msgspec.Struct, frozen=True):
    """A value and its place in the text. `members`: those of an object."""

    value: Any
    start: int
    end: int
    members: dict[str, "Span"] | None = None


def read(text: str) -> Span:
    """The value of a whole text. Raises Refused: it is not JSON, with comments or without."""
    try:
        at = _skip(text, 0)
        found = _value(text, at)
        if _skip(text, found.end) != len(text):
            raise ValueError(f"something follows the end, at character {found.end}")
    except (ValueError, IndexError, RecursionError) as error:
        raise Refused(f"it is not valid JSON ({error})") from error
    return found


def with_values(text: str, values: dict[tuple[str, ...], Any]) -> str:
    """The text with these values at these paths. Raises Refused: it is not JSON, or a path leads through something else than objects."""
    text = text if text.strip() else "{}\n"
    expected = read(text).value
    # A new member is put first, so the last one goes in first.
    for path, value in reversed(values.items()):
        text = _with_value(text, path, value)
    for path, value in values.items():
        _set(expected, path, value)
    if read(text).value != expected:
        raise Refused("it cannot be changed without touching other values")
    return text


def nested(values: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    """The values alone, as one object."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        _set(found, path, value)
    return found


def _with_value(text: str, path: tuple[str, ...], value: Any) -> str:
    span = read(text)
    for depth, name in enumerate(path):
        if span.members is None:
            raise Refused(f"{'.'.join(path[:depth]) or 'its value'} is not an object")
        inner = span.members.get(name)
        if inner is None:
            for outer in reversed(path[depth + 1 :]):
                value = {outer: value}
            return _inserted(text, span, name, value, depth + 1)
        span = inner
    return text[: span.start] + _dumped(value, len(path)) + text[span.end :]


def _inserted(text: str, span: Span, name: str, value: Any, depth: int) -> str:
    """The text with a new first member of the object at `span`."""
    margin = " " * INDENT * depth
    entry = f"\n{margin}{json.dumps(name)}: {_dumped(value, depth)}{',' if span.members else ''}"
    rest = text[span.start + 1 : span.end]
    if span.members:
        closing = "" if rest.lstrip(" \t\r").startswith("\n") else f"\n{margin}"
    else:
        closing = "" if "\n" in rest else f"\n{margin[INDENT:]}"
    return text[: span.start + 1] + entry + closing + text[span.start + 1 :]


def _dumped(value: Any, depth: int) -> str:
    return json.dumps(value, indent=INDENT, ensure_ascii=False).replace("\n", "\n" + " " * INDENT * depth)


def _set(found: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        found = found.setdefault(name, {})
    found[path[-1]] = value


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int) -> Span:
    """The value that begins at `at`. Raises ValueError, IndexError."""
    if text[at] == "{":
        return _object(text, at)
    if text[at] == "[":
        entries: list[Any] = []
        at_entry = _skip(text, at + 1)
        while text[at_entry] != "]":
            entry = _value(text, at_entry)
            entries.append(entry.value)
            at_entry = _next(text, entry.end, "]")
        return Span(entries, at, at_entry + 1)
    match = (_STRING if text[at] == '"' else _LITERAL).match(text, at)
    if match is None:
        raise ValueError(f"no value at character {at}")
    return Span(json.loads(match.group(), strict=False), at, match.end())


def _object(text: str, start: int) -> Span:
    members: dict[str, Span] = {}
    at = _skip(text, start + 1)
    while text[at] != "}":
        name = _STRING.match(text, at)
        colon = _skip(text, name.end()) if name else at
        if name is None or text[colon] != ":":
            raise ValueError(f"no name of a member at character {at}")
        member = _value(text, _skip(text, colon + 1))
        members[json.loads(name.group(), strict=False)] = member
        at = _next(text, member.end, "}")
    return Span({name: member.value for name, member in members.items()}, start, at + 1, members)


def _next(text: str, at: int, closing: str) -> int:
    """Where the next member begins, or where `closing` stands."""
    at = _skip(text, at)
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise ValueError(f"no comma at character {at}")
    return at
