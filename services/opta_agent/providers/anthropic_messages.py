"""A conversation in the form of the Messages API, made from the chat form that the history is kept in.

Two places are marked for the server's cache: the end of the fixed prefix (tools and system text), and the last message.
"""

import re
from typing import Any, cast

import msgspec

CACHED = {"cache_control": {"type": "ephemeral"}}
_ID = re.compile(r"[^A-Za-z0-9_-]")
_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)
_EMPTY = "(nothing)"

Message = dict[str, Any]


def converted(messages: msgspec.Raw, *, with_thinking: bool) -> tuple[list[Message], list[Message]]:
    """(system blocks, messages). Without `with_thinking` no thinking block is given back."""
    system: list[Message] = []
    found: list[Message] = []
    for message in cast("list[Message]", msgspec.json.decode(messages)):
        role = message["role"]
        if role == "system" and not found:
            system.append(_text(_plain(message.get("content"))))
        elif role == "assistant":
            _add(found, "assistant", _said(message, with_thinking=with_thinking))
        elif role == "tool":
            result = {
                "type": "tool_result",
                "tool_use_id": _id(message.get("tool_call_id")),
                "content": _plain(message.get("content")) or _EMPTY,
            }
            _add(found, "user", [result])
        else:
            _add(found, "user", _asked(message.get("content")))
    if system:
        system[-1] |= CACHED
    if found:
        found[-1]["content"][-1] |= CACHED
    return system, found


def converted_tools(tools: msgspec.Raw) -> list[Message]:
    """The tools of a chat request as those of the Messages API."""
    functions = [tool["function"] for tool in cast("list[Message]", msgspec.json.decode(tools))] if tools else []
    return [
        {
            "name": function["name"],
            "description": function.get("description", ""),
            "input_schema": function.get("parameters", {"type": "object"}),
        }
        for function in functions
    ]


def can_think(messages: msgspec.Raw) -> bool:
    """Whether every answer with calls in the running turn has its thinking blocks, without which the API refuses to think on."""
    for message in reversed(cast("list[Message]", msgspec.json.decode(messages))):
        if message["role"] == "assistant":
            if message.get("tool_calls") and not message.get("thinking_blocks"):
                return False
        elif message["role"] != "tool":
            return True
    return True


def _said(message: Message, *, with_thinking: bool) -> list[Message]:
    blocks: list[Message] = list(message.get("thinking_blocks") or []) if with_thinking else []
    if (text := _plain(message.get("content")).rstrip()).strip():
        blocks.append(_text(text))
    for call in cast("list[Message]", message.get("tool_calls") or []):
        function: Message = call["function"]
        blocks.append(
            {"type": "tool_use", "id": _id(call.get("id")), "name": function["name"], "input": _arguments(function.get("arguments"))}
        )
    return blocks or [_text(_EMPTY)]


def _asked(content: Any) -> list[Message]:
    if not isinstance(content, list):
        return [_text(_plain(content) or _EMPTY)]
    blocks: list[Message] = []
    for part in cast("list[Any]", content):
        fields = cast("Message", part) if isinstance(part, dict) else {"type": "text", "text": str(part)}
        if fields.get("type") == "image_url":
            url: Any = fields["image_url"]
            blocks.append({"type": "image", "source": _source(str(cast("Message", url)["url"] if isinstance(url, dict) else url))})
        elif _plain(fields.get("text")).strip():
            blocks.append(_text(fields["text"]))
    return blocks or [_text(_EMPTY)]


def _source(url: str) -> Message:
    if found := _DATA_URL.fullmatch(url):
        return {"type": "base64", "media_type": found.group(1), "data": found.group(2)}
    return {"type": "url", "url": url}


def _add(messages: list[Message], role: str, blocks: list[Message]) -> None:
    """Roles alternate: what follows a message of the same role joins it."""
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += blocks
    else:
        messages.append({"role": role, "content": blocks})


def _arguments(text: Any) -> Message:
    try:
        value = msgspec.json.decode(text or "{}") if isinstance(text, str) else text
    except (msgspec.DecodeError, RecursionError):
        value = None
    # What a model wrote and nobody could read goes back as it was.
    return cast("Message", value) if isinstance(value, dict) else {"arguments": text}


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_plain(cast("Message", part).get("text")) for part in cast("list[Any]", content) if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _id(value: Any) -> str:
    return _ID.sub("_", str(value))[:64] or "call"
