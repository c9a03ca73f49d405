"""One answer of mlx-vlm while it is computed: a token at each step."""

import copy
from collections.abc import Callable
from typing import Any

from ...ipc.messages import EngineMessage
from ..mlx_adapter import mx
from ..sequence import Sequence
from .kept_conversation import KeptConversation
from .vlm_adapter import generate


class VisionAnswer:
    """`inputs`: of the pictures; `pictures`: names of their contents; `cache`: the KV cache, with the first `sequence.cached` tokens of the
    prompt; `ends`: the tokens that end an answer; `on_part` is called while the prompt is computed; `copied_at`: where the cache of the prompt is
    copied for later requests, 0 for nowhere.
    """

    def __init__(
        self,
        model: Any,
        sequence: Sequence,
        inputs: dict[str, Any],
        pictures: list[str],
        cache: list[Any],
        ends: set[int],
        on_part: Callable[[], None],
        copied_at: int = 0,
    ):
        self._on_part, self._copied_at = on_part, copied_at
        self._copy: KeptConversation | None = None
        self.sequence, self._cache, self._pictures, self._ends = sequence, cache, pictures, ends
        self._tokens: list[int] = []
        self._prompt = mx.array(sequence.prompt)
        assert sequence.sampler is not None
        processors = [self._seeing_all()] if sequence.processors else []
        self._steps: Any = generate(
            model,
            sequence.prompt,
            sequence.cached,
            inputs,
            cache,
            sequence.answer_tokens_max,
            sequence.sampler,
            processors,
            self._note,
            [copied_at] if copied_at else [],
        )

    def step(self) -> list[EngineMessage]:
        """The messages of the next token."""
        token, logprobs = next(self._steps)
        self._tokens.append(int(token))
        is_last = self.sequence.tokens + 1 >= self.sequence.answer_tokens_max
        finish = "stop" if token in self._ends else "length" if is_last else None
        return self.sequence.take(int(token), logprobs, finish)

    def close(self) -> list[KeptConversation]:
        """End it; returns its conversation, and that of its prompt where it was copied."""
        self._steps.close()
        found = [self._whole(), self._copy]
        return [kept for kept in found if kept is not None]

    def _note(self, at: int, cache: list[Any]) -> None:
        if at == self._copied_at:
            self._copy = KeptConversation(copy.deepcopy(cache), self.sequence.prompt[:at], self._pictures)
        self._on_part()

    def _whole(self) -> KeptConversation | None:
        tokens = [*self.sequence.prompt, *self._tokens]
        # Each token was computed before it was reported.
        if not self._tokens or any(getattr(layer, "offset", len(tokens)) != len(tokens) for layer in self._cache):
            return None
        return KeptConversation(self._cache, tokens, self._pictures)

    def _seeing_all(self) -> Callable[[Any, Any], Any]:
        """The logits processors of the sequence as one. mlx-vlm shows it the tokens of the last part of the prompt, and theirs see all."""
        calls = 0

        def process(tokens: Any, logits: Any) -> Any:
            nonlocal calls
            context = mx.concatenate([self._prompt, tokens[-calls:].astype(self._prompt.dtype)]) if calls else self._prompt
            calls += 1
            for each in self.sequence.processors:
                logits = each(context, logits)
            return logits

        return process
