"""Finds the traits of a chat template: renders small conversations once, and looks for their words in the prompt."""

import itertools
import re
from dataclasses import replace
from typing import Any

from .conversation import HistoryCall, Message
from .renderer import TemplateRefusal, TemplateRenderer
from .shape import as_template_messages
from .traits import TemplateTraits

_TOOL = "probe_lookup"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": _TOOL,
            "description": "Looks up qprobe-tool.",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string", "description": "Where."}},
                "required": ["place"],
            },
        },
    }
]
_SYSTEM, _SECOND = Message("system", "qprobe-system"), Message("system", "qprobe-second")
_USER, _OTHER, _LAST = Message("user", "qprobe-user"), Message("user", "qprobe-other"), Message("user", "qprobe-last")
_ANSWER, _MORE = Message("assistant", "qprobe-answer"), Message("assistant", "qprobe-more")
_FIRST_CALL, _SECOND_CALL = (
    HistoryCall("call_1a2b3c4d5e6f", _TOOL, {"place": "qprobe-here"}),
    HistoryCall("call_9a8b7c6d5e4f", _TOOL, {"place": "qprobe-there"}),
)
_CALLED, _RESULT = Message("assistant", calls=(_FIRST_CALL,)), Message("tool", "qprobe-result", call_id=_FIRST_CALL.id, name="probe_named")
_SECOND_RESULT = Message("tool", "qprobe-outcome", call_id=_SECOND_CALL.id, name="probe_named")
_REASONING = ("reasoning_content", "thinking", "reasoning", "thought")


class TraitProbe:
    """The probe of one template. `tools`: whether tools are declared; many templates are two, one for each case."""

    def __init__(self, render: TemplateRenderer, *, tools: bool):
        self._render = render
        self._tools = TOOLS if tools else []
        self._traits = TemplateTraits()

    def find(self) -> TemplateTraits:
        """The traits."""
        self._traits = TemplateTraits()
        if not self._shows(_USER):
            self._keep(wants_parts=True)
            self._keep(wants_parts=self._shows(_USER))
        if self._tools and "qprobe-tool" not in (self._text(_USER) or self._text(_SYSTEM, _USER) or ""):
            # Some declare tools only in a conversation that already has some.
            self._keep(tools=False)
        self._keep(keeps_history=self._shows(_USER, _ANSWER, _LAST))
        self._keep(
            system=self._shows(_SYSTEM, _USER),
            system_twice=self._shows(_SYSTEM, _SECOND, _USER),
            system_later=self._shows(_SYSTEM, _USER, _ANSWER, _SECOND, _LAST),
            user_twice=self._shows(_USER, _OTHER),
            assistant_twice=self._shows(_USER, _ANSWER, _MORE, _LAST),
            assistant_first=self._shows(_ANSWER, _USER),
            no_user=self._shows(_SYSTEM),
        )
        self._find_calls()
        return self._traits

    def _find_calls(self) -> None:
        forms = list(itertools.product(("free", "nine", "function"), ("text", "none"), ("object", "text")))
        for is_strict in (True, False) if "tool" in self._render.source or self._render.is_function else ():
            for ids, empty, arguments in forms:
                self._keep(ids=ids, empty=empty, arguments=arguments)
                if self._shows_calls(_USER, _CALLED, _RESULT, is_strict=is_strict):
                    if f"functions.{_TOOL}:0" in (self._text(_USER, _CALLED, _RESULT) or ""):
                        # It makes ids of its own, and results name theirs.
                        self._keep(ids="function")
                    self._find_turns()
                    return
        self._keep(calls=False, ids="free", empty="text", arguments="object", text_with_calls=False)
        # A template that renders every role in one way was not made for results.
        knows = re.search(r"[\"']tool[\"']", self._render.source) is not None
        self._keep(results=knows and self._shows(_USER, _ANSWER, _RESULT) and self._shows(_USER, _ANSWER, _RESULT, _MORE, _LAST))

    def _find_turns(self) -> None:
        both = replace(_CALLED, calls=(_FIRST_CALL, _SECOND_CALL))
        self._keep(
            parallel=self._shows_calls(_USER, both, _RESULT, _SECOND_RESULT, is_strict=False),
            text_with_calls=self._shows_calls(_USER, replace(_CALLED, text="qprobe-said"), _RESULT, is_strict=False)
            and self._shows_calls(_USER, replace(_CALLED, text="qprobe-said"), _RESULT, _ANSWER, _LAST, is_strict=False),
            user_after_result=self._shows_calls(_USER, _CALLED, _RESULT, _LAST, is_strict=False),
        )
        for name in _REASONING:
            self._keep(reasoning=name)
            prompt = self._text(_USER, replace(_CALLED, reasoning="qprobe-thought"), _RESULT)
            if prompt is not None and "qprobe-thought" in prompt:
                break
        else:
            self._keep(reasoning="")
        if self._traits.reasoning:
            prompt = self._text(_USER, replace(_CALLED, reasoning="qprobe-thought", text="qprobe-said"), _RESULT)
            self._keep(reasoning_with_text=prompt is not None and "qprobe-thought" in prompt and "qprobe-said" in prompt)

    def _keep(self, **found: Any) -> None:
        self._traits = replace(self._traits, **found)

    def _text(self, *messages: Message) -> str | None:
        try:
            return self._render(as_template_messages(list(messages), self._traits), self._tools if self._traits.tools else [], {})
        except TemplateRefusal:
            return None

    def _shows(self, *messages: Message) -> bool:
        prompt = self._text(*messages)
        return prompt is not None and _in_order(prompt, [message.text for message in messages])

    def _shows_calls(self, *messages: Message, is_strict: bool) -> bool:
        """Whether the prompt has all of these messages. `is_strict`: and the arguments of calls as JSON, or as values alone."""
        prompt = self._text(*messages)
        if prompt is None:
            return False
        if not self._traits.keeps_history:
            return True
        if not _in_order(prompt, [message.text for message in messages if message.text]):
            return False
        # Tools may be declared anywhere, so a name counts only where it is not one of them.
        declared = (self._text(_USER) or "").count(_TOOL)
        calls = [call for message in messages for call in message.calls]
        if prompt.count(_TOOL) < declared + 1 or any(
            str(call.arguments["place"]) not in prompt for call in calls if isinstance(call.arguments, dict)
        ):
            return False
        return not (is_strict and ('\\"place\\"' in prompt or "'place': 'qprobe" in prompt))


def _in_order(prompt: str, texts: list[str]) -> bool:
    at = 0
    for text in texts:
        at = prompt.find(text, at)
        if at < 0:
            return False
    return True
