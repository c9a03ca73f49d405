"""The messages of Anthropic's form as messages of the chat form: tool results are messages of their own there."""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list, as_object
from ..content import content_of, text_of
from ..request_body import Ignored

# Blocks of tools that ran at the vendor's servers: no model here has those tools.
_AT_A_SERVER = ("server_tool_use", "mcp_tool_use", "mcp_tool_result", "container_upload", "compaction")


def conversation_of(system: str | list[dict[str, Any]], messages: list[dict[str, Any]], found: Ignored) -> list[dict[str, Any]]:
    """The whole conversation. Raises Refused naming the field."""
    said = [message for at, given in enumerate(messages) for message in _messages(f"messages[{at}]", given, found)]
    if instructions := text_of("system", system, found, joint="\n"):
        said.insert(0, {"role": "system", "content": instructions})
    return said


def _messages(where: str, given: dict[str, Any], found: Ignored) -> list[dict[str, Any]]:
    role, content = given.get("role"), given.get("content")
    if role in ("system", "developer"):
        return [{"role": "system", "content": text_of(f"{where}.content", content, found, joint="\n")}]
    if role not in ("user", "assistant"):
        raise Refused(f"Field '{where}.role': it is user, assistant or system.")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    if (blocks := as_list(content)) is None:
        raise Refused(f"Field '{where}.content': a string or a list of blocks.")
    results: list[dict[str, Any]] = []
    parts: list[Any] = []
    calls: list[dict[str, Any]] = []
    thoughts: list[str] = []
    for block in blocks:
        match block:
            case {"type": "thinking", "thinking": str() as text}:
                thoughts.append(text)
            case {"type": "tool_use", "id": str() as id_, "name": str() as name, "input": dict()}:
                arguments = msgspec.json.encode(block["input"]).decode()
                calls.append({"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}})
            case {"type": "tool_result", "tool_use_id": str() as id_}:
                results.append(_result(where, id_, block, found))
            case {"type": str() as kind} if kind in _AT_A_SERVER or (kind.endswith("_tool_result") and kind != "tool_result"):
                found.add(f"{where}.content ({kind})")
            case _:
                parts.append(block)
    text = (content_of if role == "user" else text_of)(f"{where}.content", parts, found, joint="\n")
    if text or calls or thoughts or not results:
        message: dict[str, Any] = {"role": role, "content": text}
        if thoughts:
            message["reasoning_content"] = "\n".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        results.append(message)
    return results


def _result(where: str, id_: str, block: dict[str, Any], found: Ignored) -> dict[str, Any]:
    content = block.get("content")
    parts = [] if content is None or isinstance(content, str) else as_list(content)
    if parts is None or any(as_object(part) is None for part in parts):
        raise Refused(f"Field '{where}.content': the content of a tool_result is a string or a list of blocks.")
    said = content_of(f"{where}.content", content, found, is_result=True, joint="\n")
    if block.get("is_error"):
        said = f"Error: {said}" if isinstance(said, str) else [{"type": "text", "text": "Error: "}, *said]
    return {"role": "tool", "tool_call_id": id_, "content": said}
