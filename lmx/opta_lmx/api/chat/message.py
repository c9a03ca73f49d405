"""A message of a chat request in the form of chat templates."""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list, as_object
from ..content import content_of, text_of, thoughts_of
from ..request_body import Ignored

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
# Names under which servers return reasoning, and clients send it back.
_REASONING = ("reasoning_content", "reasoning", "thinking")


def message_of(at: int, message: dict[str, Any], found: Ignored) -> dict[str, Any]:
    """One message; fields that no template reads are dropped. Raises Refused naming the field."""
    where = f"messages[{at}]"
    role = _ROLES.get(message.get("role") or "") if isinstance(message.get("role"), str) else None
    if role is None:
        raise Refused(f"Field '{where}.role': it is one of {', '.join(_ROLES)}.")
    content = message.get("content")
    read = content_of if role in ("user", "tool") else text_of
    said: dict[str, Any] = {"role": role, "content": read(f"{where}.content", content, found, is_result=role == "tool")}
    if role == "assistant":
        said |= _of_assistant(where, message)
        if not said["content"] and isinstance(refusal := message.get("refusal"), str):
            said["content"] = refusal
    elif role == "tool":
        name = message.get("name") or message.get("tool_name")
        said["tool_call_id"] = str(message.get("tool_call_id") or name or "")
        if isinstance(name, str):
            said["name"] = name
    return said


def _of_assistant(where: str, message: dict[str, Any]) -> dict[str, Any]:
    """The calls and the reasoning of an earlier answer."""
    found: dict[str, Any] = {}
    reasoning = next((text for name in _REASONING if isinstance(text := message.get(name), str) and text), "")
    if reasoning := reasoning or thoughts_of(message.get("content")) or thoughts_of(message.get("thinking_blocks")):
        found["reasoning_content"] = reasoning
    calls = message.get("tool_calls")
    if not calls and (older := as_object(message.get("function_call"))):
        calls = [{"id": str(older.get("name", "")), "function": older}]
    if calls:
        try:
            found["tool_calls"] = [_call(call) for call in as_list(calls) or [None]]
        except (TypeError, KeyError, AttributeError):
            raise Refused(f"Field '{where}.tool_calls': each has a function with name and arguments.") from None
    return found


def _call(call: Any) -> dict[str, Any]:
    """A call in the form of chat templates, its arguments as JSON text. Raises TypeError, KeyError, AttributeError."""
    free = as_object(call.get("custom"))
    function = {"name": free["name"], "arguments": {"input": free.get("input", "")}} if free else call["function"]
    arguments = function.get("arguments", "{}")
    if isinstance(arguments, dict):
        arguments = msgspec.json.encode(arguments).decode()
    return {"id": str(call.get("id", "")), "type": "function", "function": {"name": str(function["name"]), "arguments": arguments}}
