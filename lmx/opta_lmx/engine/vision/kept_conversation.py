"""The KV cache of the last conversation, for the next request that continues it: an agent sends the same one with more messages."""

from dataclasses import dataclass
from typing import Any

from .vlm_adapter import removable

# Families of which the tests show that a prompt goes on from a cache as it does without one. Others may keep what they saw elsewhere.
FAMILIES = {
    "gemma3", "idefics3", "llava", "mistral3", "pixtral", "qwen2_5_vl", "qwen2_vl", "qwen3_5", "qwen3_vl", "smolvlm",
}  # fmt: skip


@dataclass
class KeptConversation:
    """`tokens`: those in the cache; `pictures`: names of the contents of all its pictures."""

    cache: list[Any]
    tokens: list[int]
    pictures: list[str]

    @property
    def size(self) -> int:
        """Bytes of the cache."""
        return sum(int(layer.nbytes) for layer in self.cache)

    def cut_for(self, prompt: list[int], pictures: list[str], token: int) -> int:
        """Cut the cache to what it shares with a prompt; returns the number of tokens, 0 when it cannot be used and is unchanged.

        The rest of the prompt has no picture. `token`: the one that stands for a part of a picture.
        """
        shared = next(
            (at for at, (a, b) in enumerate(zip(self.tokens, prompt, strict=False)) if a != b), min(len(self.tokens), len(prompt))
        )
        # At least one token is computed.
        shared = min(shared, len(prompt) - 1)
        if shared < 1 or pictures != self.pictures or token in prompt[shared:] or token in self.tokens[shared:]:
            return 0
        surplus = removable(self.cache, shared)
        if surplus is None:
            return 0
        for layer in self.cache if surplus else []:
            layer.trim(surplus)
        return shared
