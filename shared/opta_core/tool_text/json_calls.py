"""Tool calls in decoded JSON: an object with a name and arguments, a list of them, or one of the wrappers around them."""

from typing import Any, NamedTuple, cast

from .offered import OfferedTools

NAME_KEYS = ("name", "tool", "function", "tool_name", "function_name", "recipient_name", "action")
ARGUMENT_KEYS = (
    *("arguments", "parameters", "args", "input", "params", "action_input", "tool_input", "tool_args", "tool_arguments", "kwargs"),
    "parameter",
)
LIST_KEYS = ("tool_calls", "tool_call", "tool_uses", "calls", "function_calls", "functions")
# What may stand beside a name and arguments.
_BESIDE = frozenset({"type", "id", "call_id", "tool_call_id", "index", "thought", "reasoning", "status"})


class TextCall(NamedTuple):
    """A call found in a text. `arguments`: what was read, or the text itself where it could not be read."""

    name: str
    arguments: dict[str, Any] | str


def calls_in(value: Any, offered: OfferedTools, *, is_marked: bool) -> list[TextCall] | None:
    """The calls that a value holds; None when it holds anything else.

    `is_marked`: it stood between the markers of a call. Then a name may be a slip or a synonym, and the arguments may stand beside the
    name; otherwise an object that only looks like a call is not one.
    """
    if isinstance(value, list):
        entries = cast("list[Any]", value)
        nested = [calls_in(entry, offered, is_marked=is_marked) for entry in entries]
        if not entries or any(found is None for found in nested):
            return None
        return [call for found in nested if found for call in found]
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    for key in LIST_KEYS:
        if isinstance(given.get(key), list | dict) and not (set(given) - {key, "content", "role", "thought"}):
            return calls_in(given[key], offered, is_marked=is_marked)
    call = _named(given, offered, is_marked)
    return None if call is None else [call]


def _named(given: dict[str, Any], offered: OfferedTools, is_marked: bool) -> TextCall | None:
    inner = given.get("function")
    if isinstance(inner, dict):
        given = {**{key: entry for key, entry in given.items() if key != "function"}, **cast("dict[str, Any]", inner)}
    key = next((key for key in NAME_KEYS if isinstance(given.get(key), str)), "")
    if not key:
        return _keyed(given, offered) if is_marked else None
    written = str(given[key])
    name = offered.find_meant(written) if is_marked else offered.find(written)
    argument_key = next((key for key in ARGUMENT_KEYS if key in given), "")
    others = {other: entry for other, entry in given.items() if other not in (key, argument_key, *_BESIDE)}
    if argument_key:
        if others and not is_marked:
            return None
        arguments = given[argument_key]
        if isinstance(arguments, dict):
            return TextCall(name or written, cast("dict[str, Any]", arguments))
        if arguments is None:
            return TextCall(name or written, {})
        # Text is read with the call's other repairs; a list or number is no set of arguments.
        return TextCall(name or written, arguments) if isinstance(arguments, str) else None
    if not others:
        return TextCall(name or written, {})
    fields: Any = offered.schema(name).get("properties", {}) if name else {}
    is_beside = is_marked and all(other in fields for other in others)
    return TextCall(name, others) if is_beside else None


def _keyed(given: dict[str, Any], offered: OfferedTools) -> TextCall | None:
    """`{"read_file": {"path": …}}`."""
    if len(given) != 1:
        return None
    written, arguments = next(iter(given.items()))
    name = offered.find(written)
    return TextCall(name, cast("dict[str, Any]", arguments)) if name and isinstance(arguments, dict) else None
