"""The items of a responses request as messages of the chat form."""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list, as_object
from ..content import content_of, text_of
from ..request_body import Ignored
from ..tool_set import ToolSet

# Items of tools that ran at the vendor's servers, and marks of clients: they say nothing to a model here.
_DROPPED = {
    "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call", "mcp_list_tools",
    "mcp_approval_request", "mcp_approval_response", "compaction", "compaction_summary", "context_compaction", "ghost_snapshot",
    "tool_search_call", "tool_search_output",
}  # fmt: skip
_OUTPUTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "shell_call_output", "mcp_tool_call_output",
            "apply_patch_call_output", "computer_call_output")  # fmt: skip


def conversation_of(
    instructions: str | list[dict[str, Any]] | None, items: str | list[str | dict[str, Any]], tools: ToolSet, found: Ignored
) -> list[dict[str, Any]]:
    """The whole conversation. Raises Refused naming the field."""
    said: list[dict[str, Any]] = []
    if isinstance(instructions, str) and instructions:
        said.append({"role": "system", "content": instructions})
    elif isinstance(instructions, list):
        said += conversation_of(None, [*instructions], tools, found)
    if isinstance(items, str):
        return [*said, {"role": "user", "content": items}]
    reasoning = ""
    for at, item in enumerate(items):
        where = f"input[{at}]"
        fields = {"role": "user", "content": item} if isinstance(item, str) else item
        kind = fields.get("type", "message")
        if not isinstance(kind, str):
            raise Refused(f"Field '{where}.type': the kind of an item is a word.")
        if kind == "reasoning":
            reasoning = text_of(where, fields.get("content"), found, is_result=True) or reasoning
        elif kind in _OUTPUTS:
            said.append(_result(where, fields, found))
        elif (call := _call(kind, fields, tools)) is not None:
            reasoning = _add_call(said, call, reasoning)
        elif kind == "message":
            said.append(_message(where, fields, found))
            if said[-1]["role"] == "assistant" and reasoning:
                said[-1]["reasoning_content"], reasoning = reasoning, ""
        elif kind in _DROPPED:
            found.add(f"{where} ({kind})")
        else:
            raise Refused(f"Field '{where}': an item of the kind {kind[:40]!r}, with these fields, is not supported.")
    if not said:
        raise Refused("Field 'input': it holds no message to answer.")
    return said


def _message(where: str, item: dict[str, Any], found: Ignored) -> dict[str, Any]:
    role = item.get("role")
    if role not in ("user", "assistant", "system", "developer"):
        raise Refused(f"Field '{where}.role': it is user, assistant, system or developer.")
    if (content := item.get("content")) is None:
        raise Refused(f"Field '{where}.content': a string, or a list of parts.")
    return {"role": role, "content": (content_of if role == "user" else text_of)(f"{where}.content", content, found)}


def _result(where: str, item: dict[str, Any], found: Ignored) -> dict[str, Any]:
    if not isinstance(id_ := item.get("call_id", item.get("id")), str):
        raise Refused(f"Field '{where}.call_id': the id of the call that this is the output of.")
    output = item.get("output")
    if (fields := as_object(output)) is not None:
        inner = fields.get("content", fields.get("output"))
        output = inner if isinstance(inner, str) or as_list(inner) is not None else [fields]
    return {"role": "tool", "tool_call_id": id_, "content": content_of(f"{where}.output", output, found, is_result=True)}


def _call(kind: str, item: dict[str, Any], tools: ToolSet) -> dict[str, Any] | None:
    """An earlier call in the chat form; None when the item is no call."""
    arguments: Any = None
    match item:
        case {"name": str() as name} if kind == "function_call":
            space = item.get("namespace")
            tool = next((tool for tool in tools.tools if (tool.declared_name, tool.namespace) == (name, space)), None)
            shown, arguments = tool.name if tool else name, item.get("arguments")
        case {"name": str() as shown, "input": str() as text} if kind == "custom_tool_call":
            arguments = {"input": text}
        case {"action": dict()} if kind in ("local_shell_call", "shell_call"):
            shown, arguments = kind.removesuffix("_call"), item["action"]
        case _:
            return None
    if not isinstance(arguments, str | dict):
        return None
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return {"id": str(item.get("call_id") or item.get("id") or ""), "type": "function", "function": {"name": shown, "arguments": text}}


def _add_call(said: list[dict[str, Any]], call: dict[str, Any], reasoning: str) -> str:
    """Add a call to the answer that it belongs to. Returns the reasoning that is still to be placed."""
    if not said or said[-1]["role"] != "assistant":
        said.append({"role": "assistant", "content": ""})
    said[-1].setdefault("tool_calls", []).append(call)
    if reasoning:
        said[-1].setdefault("reasoning_content", reasoning)
    return ""
