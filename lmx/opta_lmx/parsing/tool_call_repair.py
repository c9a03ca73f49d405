"""The tool calls of local models: almost-JSON is parsed, and names and types are corrected by the offered tools.

Nothing is invented: text with an unterminated string or a missing value is not a call. Reading and correcting are shared with the agent
(`opta_core.tool_text`).
"""

import re
from typing import Any

from opta_core.tool_text import call_arguments, tolerant_json
from opta_core.tool_text.call_arguments import UnreadableArguments
from opta_core.tool_text.json_calls import ARGUMENT_KEYS, NAME_KEYS, calls_in
from opta_core.tool_text.offered import OfferedTools
from opta_core.tool_text.tolerant_json import Unreadable

ToolCall = tuple[str, dict[str, Any]]


def calls_of(text: str, tools: list[dict[str, Any]], *, only_known: bool = False) -> list[ToolCall]:
    """The calls in a text, [] when it has none. `only_known`: a call of an unknown tool makes it plain text."""
    offered = OfferedTools(tools)
    found: list[ToolCall] = []
    try:
        for value in _values(text):
            calls = calls_in(value, offered, is_marked=False)
            if calls is None or (only_known and any(call.name not in offered for call in calls)):
                return []
            for call in calls:
                given = call_arguments.read(call.arguments) if isinstance(call.arguments, str) else call.arguments
                found.append(fitted(call.name, given, tools))
    except (Unreadable, UnreadableArguments, RecursionError):
        return []
    return found


def fitted(name: str, arguments: dict[str, Any], tools: list[dict[str, Any]]) -> ToolCall:
    """A call with its name and the types of its arguments corrected by the tools' declarations, where the meaning is clear."""
    offered = OfferedTools(tools)
    name = offered.find(name) or name.strip()
    return name, call_arguments.fit(arguments, offered.schema(name))


def are_known(calls: list[ToolCall], tools: list[dict[str, Any]]) -> bool:
    """Whether every call is of an offered tool."""
    offered = OfferedTools(tools)
    return all(name in offered for name, _ in calls)


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
    """The JSON values of a text that consists of nothing else. Raises Unreadable."""
    text = tolerant_json.unfenced(text).strip().strip(";,").strip()
    found: list[Any] = []
    at = 0
    while at < len(text):
        value, at = tolerant_json.read_at(text, at, closes=True)
        found.append(value)
        # More brackets than were opened, and what stands between two values.
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,;}]"))
    return found
