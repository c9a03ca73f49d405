"""A conversation in one regular form, whatever a client sent: texts, reasoning, calls and their results, each in its own field."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

from opta_core.tool_text import markers, tolerant_json
from opta_core.tool_text.offered import OfferedTools
from opta_core.tool_text.splitter import TextSplitter
from opta_core.tool_text.tolerant_json import Unreadable

from ...json_values import as_list, as_object
from .picture_marks import mark_of, without_marks

_ROLES = {"developer": "system", "function": "tool", "tool_result": "tool", "model": "assistant", "human": "user"}
_REASONING = ("reasoning_content", "reasoning", "thinking")
_MARKS = tuple({*markers.THINKING, "<|channel|>", "<|start|>assistant"})
_NO_TOOLS = OfferedTools([])


@dataclass(frozen=True)
class HistoryCall:
    """A tool call of an earlier answer. `arguments`: an object, or the text that the model wrote when it is none."""

    id: str
    name: str
    arguments: dict[str, Any] | str


@dataclass(frozen=True)
class Message:
    """One message. `role`: system, user, assistant or tool. `call_id` and `name` belong to results, `reasoning` and `calls` to answers."""

    role: str
    text: str = ""
    reasoning: str = ""
    calls: tuple[HistoryCall, ...] = field(default=())
    call_id: str = ""
    name: str = ""


def conversation_of(messages: list[dict[str, Any]]) -> list[Message]:
    """The messages in the regular form. Every result follows its call, in the order of the calls; one without a call is a user's text."""
    found: list[Message] = []
    waiting: list[HistoryCall] = []
    results: list[Message] = []
    for given in messages:
        message = _message(given, len(found))
        if message.role == "tool":
            call = next((call for call in waiting if call.id == message.call_id), None)
            if call is None and message.name and not message.call_id:
                call = next((call for call in waiting if call.name == message.name), None)
            if call is None and not message.call_id and waiting:
                call = waiting[0]
            if call is None:
                found += _in_order(results, found)
                results, waiting = [], []
                found.append(Message("user", result_as_text(message)))
            else:
                waiting.remove(call)
                results.append(replace(message, call_id=call.id, name=call.name))
            continue
        found += _in_order(results, found)
        results, waiting = [], list(message.calls)
        found.append(message)
    found += _in_order(results, found)
    if found and found[-1].role == "assistant" and not found[-1].calls:
        # The answer is continued where it stands, inside of its reasoning or behind it.
        whole = content_text(messages[-1].get("content"))
        found[-1] = found[-1] if whole == found[-1].text else replace(found[-1], text=whole, reasoning="")
    return found


def result_as_text(message: Message) -> str:
    """A tool's result as a text that says what it is."""
    of = f" of {message.name or message.call_id}" if message.name or message.call_id else ""
    return f"Result of the tool call{of}:\n{message.text}"


def content_text(content: Any) -> str:
    """The text of a content in any of its forms; of a part without a text, a note that says what is missing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return without_marks(content)
    parts = as_list(content)
    return "".join(map(_part_text, [content] if parts is None else parts))


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return without_marks(part)
    given = as_object(part)
    if given is None:
        return without_marks(json.dumps(part, ensure_ascii=False))
    if given.get("type") == "picture" and isinstance(given.get("number"), int):
        return mark_of(given["number"])
    for key in ("text", "refusal", "content", "output"):
        value = given.get(key)
        if isinstance(value, str):
            return without_marks(value)
        if isinstance(value, list):
            return content_text(value)
    kind = str(given.get("type", "part")).removesuffix("_url").removeprefix("input_")
    return f"[{kind}: not shown, this model reads text only]"


def _in_order(results: list[Message], found: list[Message]) -> list[Message]:
    """Results in the order of the calls that they answer."""
    calls = next((message.calls for message in reversed(found) if message.calls), ())
    order = {call.id: at for at, call in enumerate(calls)}
    return sorted(results, key=lambda message: order.get(message.call_id, len(order)))


def _message(given: dict[str, Any], number: int) -> Message:
    role = str(given.get("role", "user"))
    role = _ROLES.get(role, role)
    text = content_text(given.get("content"))
    if role == "tool":
        return Message("tool", text, call_id=str(given.get("tool_call_id") or ""), name=str(given.get("name") or ""))
    if role != "assistant":
        return Message(role if role in ("system", "user") else "user", text)
    reasoning = next((value for key in _REASONING if isinstance(value := given.get(key), str) and value), "")
    if not reasoning:
        reasoning, text = _split_thought(text)
    return Message("assistant", text, reasoning=reasoning, calls=_calls(given, number))


def _split_thought(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a text in which a client left both."""
    if text.lstrip().startswith(_MARKS):
        splitter = TextSplitter(_NO_TOOLS)
        pieces = [*splitter.push(text), *splitter.end()]
        reasoning, answer = ("".join(piece.text for piece in pieces if piece.kind == kind) for kind in ("thinking", "text"))
        # A thought that is never closed is what the answer begins with.
        return (reasoning.strip("\n"), answer.lstrip("\n")) if answer.strip() else ("", text)
    before, closer, after = text.partition("</think>")
    if closer and "<think>" not in before and "</think>" not in after and before.endswith("\n") and after.startswith("\n"):
        return before.strip("\n"), after.lstrip("\n")
    return "", text


def _calls(given: dict[str, Any], number: int) -> tuple[HistoryCall, ...]:
    entries = [entry for each in as_list(given.get("tool_calls")) or [] if (entry := as_object(each))]
    found: list[HistoryCall] = []
    for at, entry in enumerate(entries):
        function = as_object(entry.get("function")) or entry
        id_ = str(entry.get("id") or f"call_{number}_{at}")
        if any(call.id == id_ for call in found):
            id_ = f"{id_}_{at}"
        found.append(HistoryCall(id_, str(function.get("name", "")), _arguments(function.get("arguments"))))
    return tuple(found)


def _arguments(given: Any) -> dict[str, Any] | str:
    if given is None or given == "":
        return {}
    if isinstance(given, dict):
        return cast("dict[str, Any]", given)
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    try:
        value: Any = json.loads(text)
    except ValueError:
        try:
            value = tolerant_json.read(text)
        except Unreadable:
            return text
    if value is None:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else text
