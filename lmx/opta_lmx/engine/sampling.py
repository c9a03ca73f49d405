"""How the next token is drawn: by the request's own settings, and with a seed the same alone and in a batch."""

import functools
from collections.abc import Callable
from typing import Any

from ..ipc.messages import Generate

# Of how many of the last tokens penalties take note.
PENALTY_TOKENS = 64


@functools.lru_cache(maxsize=256)
def _shared(sample_utils: Any, temperature: float, top_p: float, min_p: float, top_k: int) -> Callable[[Any], Any]:
    """The same for all who draw alike: a batch that shares its sampler draws in one call."""
    return sample_utils.make_sampler(temp=temperature, top_p=top_p, min_p=min_p, top_k=top_k)


def sampler(order: Generate, vocabulary: int, mx: Any, sample_utils: Any) -> Callable[[Any], Any]:
    """Takes log-probabilities, gives tokens. A seeded request has a chain of keys of its own, so neighbours change nothing."""
    top_k = order.top_k if order.top_k < vocabulary else 0
    top_p = order.top_p if order.top_p < 1 else 0.0
    if order.seed is None or not order.temperature:
        return _shared(sample_utils, order.temperature, top_p, order.min_p, top_k)
    key = mx.random.key(order.seed)

    def draw(logprobs: Any) -> Any:
        nonlocal key
        key, now = mx.random.split(key)
        if top_p:
            logprobs = sample_utils.apply_top_p(logprobs, top_p)
        if order.min_p:
            logprobs = sample_utils.apply_min_p(logprobs, order.min_p, 1)
        if top_k:
            logprobs = sample_utils.apply_top_k(logprobs, top_k)
        return mx.random.categorical(logprobs * (1 / order.temperature), key=now)

    return draw


def processors(order: Generate, prompt_length: int, sample_utils: Any) -> list[Callable[[Any, Any], Any]]:
    """What changes the logits before that: biases and penalties (of what was answered, not of the prompt)."""
    if not (order.logit_bias or order.repetition_penalty or order.presence_penalty or order.frequency_penalty):
        return []
    made = sample_utils.make_logits_processors(
        logit_bias={int(token): bias for token, bias in order.logit_bias.items()} or None,
        repetition_penalty=order.repetition_penalty or None,
        repetition_context_size=PENALTY_TOKENS,
        presence_penalty=order.presence_penalty or None,
        presence_context_size=PENALTY_TOKENS,
        frequency_penalty=order.frequency_penalty or None,
        frequency_context_size=PENALTY_TOKENS,
    )

    def of_the_answer(process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda context, logits: (
            process(context[prompt_length:], logits) if len(context) > prompt_length else process(context[:0], logits)
        )

    return [of_the_answer(process) if number or not order.logit_bias else process for number, process in enumerate(made)]
