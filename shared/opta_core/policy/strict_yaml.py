"""A strict subset of YAML: one document of mappings, lists and plain scalars, with limits, and with the line of every error.

Refused are anchors, aliases, tags, duplicate keys, tabs, several documents, and depth or size beyond the limits. `no`, `off` and the
like are text. Only `true`, `false`, `null` and decimal integers have another type.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ..errors import Refused

BYTES_MAX = 64 * 1024
DEPTH_MAX = 8
NODES_MAX = 5000


class YamlProblem(Refused):
    """A document that is not accepted; `line` counts from 1."""

    def __init__(self, message: str, line: int):
        super().__init__(message)
        self.line = line


class Mapping(dict[str, Any]):
    """A mapping with the line that it begins at, counted from 1."""

    line = 1


def load(content: bytes) -> Any:
    """The document as `Mapping`, list, str, int, bool and None (an empty scalar and `null` are None). Raises YamlProblem."""
    if len(content) > BYTES_MAX:
        raise YamlProblem(f"the file is larger than {BYTES_MAX} bytes", 1)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise YamlProblem("the file is not UTF-8", content[: error.start].count(b"\n") + 1) from None
    if text.startswith("\ufeff"):
        raise YamlProblem("the file begins with a byte order mark", 1)
    if bad := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\t]", text):
        raise YamlProblem(f"the character U+{ord(bad.group()):04X} is not allowed", text[: bad.start()].count("\n") + 1)
    # Checked before parsing, because the parser would need very long for such a text.
    if re.search(r"[\[{\-?:\s]{200}", re.sub(r"\n *(#.*)?(?=\n)", "", text).replace(" ", "")):
        raise YamlProblem(f"it is nested more than {DEPTH_MAX} deep", 1)
    try:
        return _Builder(text).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlProblem(str(getattr(error, "problem", None) or "it is not YAML"), mark.line + 1 if mark else 1) from None


class _Builder:
    def __init__(self, text: str):
        self._events: Iterator[Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        self._nodes = 0

    def document(self) -> Any:
        found: list[Any] = []
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if found or event.version or event.tags:
                    raise YamlProblem("it holds more than one document, or directives", _line(event))
                found.append(self._node(next(self._events), 0))
        return found[0] if found else None

    def _node(self, event: Event, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise YamlProblem(f"it holds more than {NODES_MAX} values", _line(event))
        if depth > DEPTH_MAX:
            raise YamlProblem(f"it is nested more than {DEPTH_MAX} deep", _line(event))
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise YamlProblem("anchors and aliases are not allowed", _line(event))
        if getattr(event, "tag", None):
            raise YamlProblem("tags are not allowed", _line(event))
        match event:
            case ScalarEvent():
                return _scalar(event)
            case SequenceStartEvent():
                items: list[Any] = []
                while not isinstance(event := next(self._events), SequenceEndEvent):
                    items.append(self._node(event, depth + 1))
                return items
            case MappingStartEvent():
                return self._mapping(event, depth)
            case _:
                raise YamlProblem("a value is expected", _line(event))

    def _mapping(self, start: Event, depth: int) -> Mapping:
        mapping = Mapping()
        mapping.line = _line(start)
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, str):
                raise YamlProblem("a key must be text", _line(event))
            if key in mapping:
                raise YamlProblem(f"the key {key!r} occurs twice", _line(event))
            mapping[key] = self._node(next(self._events), depth + 1)
        return mapping


def _scalar(event: ScalarEvent) -> Any:
    if event.style is not None:
        return event.value
    if event.value in ("", "null", "~"):
        return None
    if event.value in ("true", "false"):
        return event.value == "true"
    return int(event.value) if re.fullmatch(r"-?\d{1,15}", event.value) else event.value


def _line(event: Event) -> int:
    return event.start_mark.line + 1
