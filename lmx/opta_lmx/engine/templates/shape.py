"""Brings a conversation into the shape that a template takes: its messages, their order, and the form of each."""

import hashlib
import json
import string
from dataclasses import replace
from typing import Any

from .conversation import Message
from .text_form import CallForm, tagged, without_calls
from .traits import TemplateTraits

# Stand where a template demands a message that the conversation does not have.
FILLER = {"user": "Continue.", "assistant": "OK."}
_DIGITS = string.digits + string.ascii_letters


def shaped(messages: list[Message], traits: TemplateTraits, instructions: str = "", form: CallForm = tagged) -> list[Message]:
    """The conversation for a template of these traits. `instructions`: a text for the first system message, after its own; `form`: how
    calls are written that become text.
    """
    # An answer of nothing says nothing, and some templates refuse it.
    messages = [message for message in messages if message.role != "assistant" or message.text.strip() or message.calls]
    messages = without_calls(messages, form, calls=traits.calls, results=traits.results)
    if traits.calls:
        messages = _split_calls(messages, traits)
    messages = _with_systems(messages, traits, instructions)
    messages = _merged(messages, traits)
    if not traits.no_user and all(message.role != "user" for message in messages):
        messages.insert(sum(message.role == "system" for message in messages[:1]), Message("user", FILLER["user"]))
    return _with_fillers(messages, traits)


def as_template_messages(messages: list[Message], traits: TemplateTraits) -> list[dict[str, Any]]:
    """The messages in the form that templates read."""
    found: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    number = 0
    for message in messages:
        entry: dict[str, Any] = {"role": message.role, "content": _content(message.text, traits)}
        if message.role == "assistant":
            if message.calls:
                for call in message.calls:
                    ids[call.id] = call_id(call.id, call.name, number, traits)
                    number += 1
                entry["tool_calls"] = [_call(call.arguments, call.name, ids[call.id], traits) for call in message.calls]
                if not message.text and traits.empty == "none":
                    entry["content"] = None
            if message.reasoning and traits.reasoning:
                entry[traits.reasoning] = message.reasoning
        elif message.role == "tool":
            entry |= {"tool_call_id": ids.get(message.call_id, message.call_id), "name": message.name}
        found.append(entry)
    return found


def call_id(given: str, name: str, number: int, traits: TemplateTraits) -> str:
    """The id of a call as the template takes it; the same one in every turn."""
    if traits.ids == "function":
        return f"functions.{name}:{number}"
    if traits.ids == "free" or (len(given) == 9 and given.isascii() and given.isalnum()):
        return given
    value = int.from_bytes(hashlib.sha256(given.encode()).digest()[:8])
    return "".join(_DIGITS[value // 62**at % 62] for at in range(9))


def _call(arguments: dict[str, Any] | str, name: str, id_: str, traits: TemplateTraits) -> dict[str, Any]:
    written = json.dumps(arguments, ensure_ascii=False) if traits.arguments == "text" and not isinstance(arguments, str) else arguments
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": written}}


def _content(text: str, traits: TemplateTraits) -> Any:
    return [{"type": "text", "text": text}] if traits.wants_parts else text


def _split_calls(messages: list[Message], traits: TemplateTraits) -> list[Message]:
    """Messages with calls in the parts that the template takes: one call each, text apart from calls, reasoning with the first part."""
    found: list[Message] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if not message.calls:
            found.append(message)
            continue
        if message.text and message.reasoning and not traits.reasoning_with_text and traits.text_with_calls:
            message = replace(message, reasoning=f"{message.reasoning}\n\n{message.text}", text="")
        elif message.text and not traits.text_with_calls:
            found.append(Message("assistant", message.text))
            message = replace(message, text="")
        if traits.parallel or len(message.calls) == 1:
            found.append(message)
            continue
        results: dict[str, Message] = {}
        while at < len(messages) and messages[at].role == "tool":
            results[messages[at].call_id] = messages[at]
            at += 1
        for number, call in enumerate(message.calls):
            found.append(replace(message, calls=(call,)) if number == 0 else Message("assistant", calls=(call,)))
            found += [results[call.id]] if call.id in results else []
    return found


def _with_systems(messages: list[Message], traits: TemplateTraits, instructions: str) -> list[Message]:
    """System messages where the template takes them; others are a part of the message of the user that follows."""
    first = 0
    while first < len(messages) and messages[first].role == "system":
        first += 1
    leading = [message.text for message in messages[:first]] + ([instructions] if instructions else [])
    found: list[Message] = []
    if leading and not traits.system:
        if first < len(messages) and messages[first].role == "user":
            leading.append(messages[first].text)
            first += 1
        found.append(Message("user", "\n\n".join(leading)))
    elif traits.system_twice and not instructions:
        found += messages[:first]
    elif leading:
        found.append(Message("system", "\n\n".join(leading)))
    for message in messages[first:]:
        if message.role == "system" and not (traits.system_later and traits.system):
            found.append(Message("user", f"[Instructions of the system]\n{message.text}", name="system"))
        else:
            found.append(message)
    return found


def _merged(messages: list[Message], traits: TemplateTraits) -> list[Message]:
    """Neighbours of one role as one message, where the template does not take two."""
    twice = {"user": traits.user_twice, "assistant": traits.assistant_twice}
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        if last is None or last.role != message.role or twice.get(message.role, True) or last.calls:
            found.append(message)
        else:
            text = "\n\n".join(part for part in (last.text, message.text) if part)
            reasoning = "\n\n".join(part for part in (last.reasoning, message.reasoning) if part)
            found[-1] = replace(message, text=text, reasoning=reasoning)
    return found


def _with_fillers(messages: list[Message], traits: TemplateTraits) -> list[Message]:
    """The conversation with a short message wherever the template demands one of another role."""
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        role = last.role if last else "system"
        if message.role == "assistant" and role == "system" and not traits.assistant_first:
            found.append(Message("user", FILLER["user"]))
        elif message.role == "user" and role == "tool" and not traits.user_after_result:
            found.append(Message("assistant", FILLER["assistant"]))
        found.append(message)
    return found
