"""Turns requests into tokens with the model's chat template, and finds where later prompts are likely to diverge."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from ..ipc.messages import Generate
from .templates.chat_template import ChatTemplate, Wishes
from .templates.renderer import TemplateRefusal, TemplateRenderer

# Two texts that no conversation contains and that differ from the first character on.
_ONE, _OTHER = "\u2460", "\u2461"
_NONE = Wishes()


class Prompts:
    """`tokenizer`: mlx-lm's wrapper of a Hugging Face tokenizer. `selects`, `renderer`: see `ChatTemplate`."""

    def __init__(self, tokenizer: Any, *, selects: bool = False, renderer: TemplateRenderer | None = None):
        self._tokenizer = tokenizer
        self.template = ChatTemplate(tokenizer, selects=selects, renderer=renderer)
        # Instructions and tools -> tokens: they stay the same in all turns of a conversation.
        self._known: dict[str, int] = {}

    def tokens(self, order: Generate) -> list[int]:
        """The tokens of a prompt. Raises TemplateRefusal when the chat template takes the conversation in no form."""
        if order.prompt:
            return self.encode(order.prompt)
        return self.rendered(order.messages, order.tools, _wishes(order))

    def pictured(self, order: Generate, pictures: Sequence[str]) -> tuple[list[int], list[int]]:
        """(tokens of a prompt, numbers of its pictures in their order there). See `ChatTemplate.pictured`."""
        if not pictures:
            return self.tokens(order), []
        return self.template.pictured(order.messages, order.tools, _wishes(order), pictures)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without a chat template."""
        return [int(id_) for id_ in self._tokenizer.encode(text)]

    def rendered(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes = _NONE) -> list[int]:
        """The tokens of a conversation. Raises TemplateRefusal when the chat template takes the conversation in no form."""
        return self.template.tokens(messages, tools, wishes)

    def checkpoints(self, order: Generate, prompt: list[int]) -> list[tuple[int, bool]]:
        """(position, whether the instructions end there), ascending: prefixes that later prompts are likely to share."""
        if order.prompt:
            return []
        found: list[tuple[int, bool]] = []
        wishes = _wishes(order)
        with contextlib.suppress(TemplateRefusal):  # a template that rejects a shortened conversation has no checkpoints
            asked = max((at for at, message in enumerate(order.messages) if message["role"] == "user"), default=0)
            if instructions := [message for message in order.messages[:1] if message["role"] == "system"]:
                key = json.dumps([instructions, order.tools, wishes.thinking, wishes.effort, wishes.budget, wishes.arguments])
                if key not in self._known:
                    if len(self._known) > 256:
                        self._known.clear()
                    self._known[key] = self._shared(instructions, order.tools, wishes)
                found.append((self._known[key], True))
            if asked > len(instructions):
                found.append((self._shared(order.messages[:asked], order.tools, wishes), False))
            found.append((self.continued_at(order, prompt), False))
        # Ascending, and only inside this prompt, with at least one token left after it.
        ordered = {at: is_system for at, is_system in reversed(found) if 0 < at < len(prompt) - 1}
        return sorted(ordered.items())

    def continued_at(self, order: Generate, prompt: list[int], pictures: Sequence[str] = ()) -> int:
        """How many tokens of a prompt the next request of a tool loop begins with; 0 when the template rejects it."""
        if order.prompt:
            return 0
        # All of them, except where the template opens an answer in its own way. A message behind the answer, because an answer at the end is
        # one to be continued.
        later = [{"role": "assistant", "content": _ONE}, {"role": "user", "content": _OTHER}]
        try:
            answered, _ = self.pictured(msgspec.structs.replace(order, messages=[*order.messages, *later]), pictures)
        except TemplateRefusal:
            return 0
        shared = next((at for at, (a, b) in enumerate(zip(prompt, answered, strict=False)) if a != b), len(prompt))
        return max(0, min(shared, len(prompt) - 2))

    def _shared(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], wishes: Wishes) -> int:
        """The number of tokens that two continuations of `messages` with different questions share."""
        one, other = (self.rendered([*messages, {"role": "user", "content": text}], tools, wishes) for text in (_ONE, _OTHER))
        size = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        # The two characters may share tokens of their first bytes.
        return max(0, size - len(self.encode(_ONE)) + 1) if size else 0


def _wishes(order: Generate) -> Wishes:
    return Wishes(thinking=order.thinking, effort=order.effort, budget=order.thinking_budget, arguments=order.template_arguments)
