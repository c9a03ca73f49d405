"""Renders requests to tokens with the chat template, and finds where later prompts are likely to diverge."""

import contextlib
import json
from typing import Any

from ..ipc.messages import Generate

# Two texts that no conversation contains and that differ from the first character on.
_ONE, _OTHER = "\u2460", "\u2461"
_NONE: dict[str, Any] = {}


class Prompts:
    """`tokenizer`: mlx-lm's wrapper of a Hugging Face tokenizer."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        # Instructions and tools -> tokens: they stay the same in all turns of a conversation.
        self._known: dict[str, int] = {}

    def tokens(self, order: Generate) -> list[int]:
        """The tokens of a prompt. Raises whatever the chat template raises."""
        if order.prompt:
            return self.encode(order.prompt)
        return self.rendered(order.messages, order.tools, _about_thinking(order))

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without a chat template."""
        return [int(id_) for id_ in self._tokenizer.encode(text)]

    def rendered(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], options: dict[str, Any] = _NONE) -> list[int]:
        """The tokens of a conversation. `options`: variables of the template. Raises whatever the chat template raises."""
        parsed = [_with_parsed_arguments(message) for message in messages]
        ids = self._tokenizer.apply_chat_template(
            parsed, tools=tools or None, add_generation_prompt=True, tokenize=True, return_dict=False, **options
        )
        return [int(id_) for id_ in ids]

    def checkpoints(self, order: Generate, prompt: list[int]) -> list[tuple[int, bool]]:
        """(position, whether the instructions end there), ascending: prefixes that later prompts are likely to share."""
        if order.prompt:
            return []
        found: list[tuple[int, bool]] = []
        options = _about_thinking(order)
        with contextlib.suppress(Exception):  # a template that rejects a shortened conversation has no checkpoints
            asked = max((at for at, message in enumerate(order.messages) if message["role"] == "user"), default=0)
            if instructions := [message for message in order.messages[:1] if message["role"] == "system"]:
                key = json.dumps([instructions, order.tools, options])
                if key not in self._known:
                    if len(self._known) > 256:
                        self._known.clear()
                    self._known[key] = self._shared(instructions, order.tools, options)
                found.append((self._known[key], True))
            if asked > len(instructions):
                found.append((self._shared(order.messages[:asked], order.tools, options), False))
            # The next request of a tool loop begins with this whole prompt, except where the template opens an answer in its own way.
            answered = self.rendered([*order.messages, {"role": "assistant", "content": _ONE}], order.tools, options)
            shared = next((at for at, (a, b) in enumerate(zip(prompt, answered, strict=False)) if a != b), len(prompt))
            found.append((min(shared, len(prompt) - 2), False))
        # Ascending, and only inside this prompt, with at least one token left after it.
        places = {at: is_system for at, is_system in reversed(found) if 0 < at < len(prompt) - 1}
        return sorted(places.items())

    def _shared(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], options: dict[str, Any]) -> int:
        """The number of tokens that two continuations of `messages` with different questions share."""
        one, other = (self.rendered([*messages, {"role": "user", "content": text}], tools, options) for text in (_ONE, _OTHER))
        size = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        # The two characters may share tokens of their first bytes.
        return max(0, size - len(self.encode(_ONE)) + 1) if size else 0


def _about_thinking(order: Generate) -> dict[str, Any]:
    """The variables by which templates switch thinking on or off; mlx-lm gives the first one the name that a template knows."""
    known: dict[str, Any] = order.template_arguments | ({} if order.thinking is None else {"enable_thinking": order.thinking})
    return known | ({"reasoning_effort": order.effort} if order.effort else {})


def _with_parsed_arguments(message: dict[str, Any]) -> dict[str, Any]:
    """Decode the arguments of calls: chat templates expect an object, clients send JSON text."""
    if not message.get("tool_calls"):
        return message
    calls: list[dict[str, Any]] = []
    for call in message["tool_calls"]:
        arguments = call["function"].get("arguments")
        if isinstance(arguments, str):
            with contextlib.suppress(ValueError):
                arguments = json.loads(arguments or "{}")
        calls.append({**call, "function": {**call["function"], "arguments": arguments}})
    return {**message, "content": message.get("content") or "", "tool_calls": calls}
