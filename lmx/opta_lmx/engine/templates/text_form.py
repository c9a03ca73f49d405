"""Tools, calls and results as plain text, for templates that know none."""

import json
from collections.abc import Callable
from typing import Any

from .conversation import HistoryCall, Message, result_as_text

_INTRODUCTION = """# Tools

You can call functions. Their signatures, one JSON object a line:
<tools>
{tools}
</tools>

To call a function, write its name and its arguments in this form, and nothing after it:
{example}
Several calls are several of these. You get the results in the next message. Answer without a call when you need none."""
_EXAMPLE = HistoryCall("", "<name>", {"<argument>": "<value>"})
# A mark in a template or among a model's tokens -> how its calls are written.
CallForm = Callable[[HistoryCall], str]


def tools_as_text(tools: list[dict[str, Any]], example: str) -> str:
    """Instructions that offer the tools. `example`: how a call is written."""
    functions = "\n".join(json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools)
    return _INTRODUCTION.format(tools=functions, example=example)


def form_of(marks: str) -> CallForm:
    """The form in which a model writes calls, by the text of its template and its tokens; tags with JSON for a model without a form."""
    return next((form for mark, form in _FORMS.items() if mark in marks), tagged)


def tagged(call: HistoryCall) -> str:
    """`<tool_call>` and a JSON object: the form of most open models, which the parser of answers reads from any model."""
    return f"<tool_call>\n{_json(call)}\n</tool_call>"


def example_of(form: CallForm) -> str:
    """A call that shows a form."""
    return form(_EXAMPLE)


def without_calls(messages: list[Message], form: CallForm, *, calls: bool, results: bool) -> list[Message]:
    """The same conversation, with calls in the text of the answers and results as a user's text.

    `calls`: only calls whose arguments are no object become text. `results`: results keep their role.
    """
    found: list[Message] = []
    is_text = False
    for message in messages:
        if message.calls:
            is_text = not calls or any(isinstance(call.arguments, str) for call in message.calls)
        if message.role == "tool" and is_text and (calls or not results):
            text = result_as_text(message)
            if found and found[-1].role == "user" and found[-1].call_id:
                found[-1] = Message("user", f"{found[-1].text}\n\n{text}", call_id=message.call_id)
            else:
                found.append(Message("user", text, call_id=message.call_id))
        elif message.calls and is_text:
            parts = [message.text, *map(form, message.calls)]
            found.append(Message("assistant", "\n".join(part for part in parts if part), reasoning=message.reasoning))
        else:
            found.append(message)
    return found


def _json(call: HistoryCall) -> str:
    if isinstance(call.arguments, str):
        return f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {call.arguments}}}'
    return json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)


def _python(call: HistoryCall) -> str:
    """`[read_file(path="a.txt")]` between its marks."""
    if isinstance(call.arguments, str):
        return tagged(call)
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"<|tool_call_start|>[{call.name}({arguments})]<|tool_call_end|>"


_FORMS: dict[str, CallForm] = {
    "<|tool_call_start|>": _python,
    "<|tool_call|>": lambda call: f"<|tool_call|>[{_json(call)}]",
    "[TOOL_CALLS]": lambda call: f"[TOOL_CALLS][{_json(call)}]",
    "<function_call>": lambda call: f"<function_call>{_json(call)}</function_call>",
}
