"""How to say to a template whether and how much to think: by a variable, by a word in the instructions, or not at all."""

import contextlib
import re
from typing import Any

import msgspec

from .renderer import TemplateRefusal, TemplateRenderer

# Variables that are true or false; of others, the values for on and off.
_SWITCHES = ("enable_thinking", "thinking", "enable_reasoning", "reasoning")
_WORD_SWITCHES = {"thinking_option": ("on", "off"), "thinking_mode": ("enabled", "disabled")}
_EFFORTS = ("reasoning_effort", "thinking_effort", "reasoning_strength")
# Values of an effort that mean no thinking, by preference.
_NONE = ("none", "no_think", "off", "disabled")
# The effort that a model is asked for when its template does not take the wanted one.
_NEAREST = {"minimal": ("low", "medium"), "low": ("minimal", "medium"), "medium": ("high", "low"), "high": ("xhigh", "max", "medium")}
# Words in the instructions, for templates or models without a variable: (on, off), by what the template itself mentions.
_WORDS = (
    ("/no_think", "/think", "/no_think"),
    ("/nothink", "", "/nothink"),
    ("detailed thinking", "detailed thinking on", "detailed thinking off"),
)
_QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]


class Switched(msgspec.Struct, frozen=True):
    """Variables for the template, and words for the instructions ('' for none)."""

    arguments: dict[str, Any] = {}
    words: str = ""


class ThinkingSwitches:
    """The switches of one template."""

    def __init__(self, render: TemplateRenderer):
        self._render = render
        self._names = {name for name in (*_SWITCHES, *_WORD_SWITCHES, *_EFFORTS, "thinking_budget") if self._mentions(name)}
        self._known: dict[tuple[bool | None, str, int], Switched] = {}

    def of(self, thinking: bool | None, effort: str, budget: int = 0) -> Switched:
        """How to say it to the template. None, '' and 0 leave it to the template."""
        if thinking is None and not effort and not budget:
            return Switched()
        key = (thinking, effort, budget)
        if key not in self._known:
            if len(self._known) > 256:
                self._known.clear()
            self._known[key] = self._find(thinking, effort, budget)
        return self._known[key]

    def _find(self, thinking: bool | None, effort: str, budget: int) -> Switched:
        found: dict[str, Any] = {}
        if thinking is not None:
            found |= {name: thinking for name in _SWITCHES if name in self._names}
            found |= {name: words[0 if thinking else 1] for name, words in _WORD_SWITCHES.items() if name in self._names}
        if "thinking_budget" in self._names and (budget or thinking is False):
            found["thinking_budget"] = budget if thinking is not False else 0
        is_switched = bool(found)
        for name in _EFFORTS:
            if name in self._names and (value := self._effort(name, thinking, effort, is_switched)):
                found[name] = value
        found = {name: value for name, value in found.items() if self._takes({name: value})}
        if found or thinking is None:
            return Switched(found if self._takes(found) else {})
        return Switched({}, next((words[0 if thinking else 1] for mark, *words in _WORDS if mark in self._render.source), ""))

    def _effort(self, name: str, thinking: bool | None, effort: str, is_switched: bool) -> str:
        if thinking is False:
            off = next((word for word in _NONE if self._quotes(word)), "")
            return off or ("" if is_switched else "low")
        if not effort:
            return ""
        # A template that names but its default puts any value into the prompt; all models know these three.
        is_free = sum(map(self._quotes, ("minimal", "low", "medium", "high", "xhigh", "max"))) < 2
        wanted = [effort if effort in ("low", "medium", "high") else "low"] if is_free else [effort, *_NEAREST.get(effort, ())]
        wanted = wanted if is_free else [word for word in wanted if self._quotes(word)]
        return next((word for word in wanted if self._takes({name: word})), "")

    def _takes(self, arguments: dict[str, Any]) -> bool:
        with contextlib.suppress(TemplateRefusal):
            self._render(_QUESTION, [], arguments)
            return True
        return False

    def _mentions(self, name: str) -> bool:
        return re.search(rf"(?<![\w.'\"\[]){name}(?![\w'\"])", self._render.source) is not None

    def _quotes(self, word: str) -> bool:
        return f"'{word}'" in self._render.source or f'"{word}"' in self._render.source
