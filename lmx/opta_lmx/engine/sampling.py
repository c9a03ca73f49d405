"""Samplers and logits processors of one request. With a seed, the tokens are the same alone and in a batch."""

import functools
from collections.abc import Callable
from typing import Any

from ..ipc.messages import Generate
from .mlx_adapter import mx, samplers

# Penalties consider this many of the last tokens.
PENALTY_TOKENS = 64


@functools.lru_cache(maxsize=256)
def _shared(temperature: float, top_p: float, min_p: float, top_k: int) -> Callable[[Any], Any]:
    """One sampler for equal settings: sequences with the same sampler are sampled in one call."""
    return samplers.make_sampler(temp=temperature, top_p=top_p, min_p=min_p, top_k=top_k)


def sampler(order: Generate, vocabulary: int) -> Callable[[Any], Any]:
    """Log-probabilities to tokens. A seeded request has its own chain of random keys, so its neighbours do not change it."""
    top_k = order.top_k if order.top_k < vocabulary else 0
    top_p = order.top_p if order.top_p < 1 else 0.0
    if order.seed is None or not order.temperature:
        return _shared(order.temperature, top_p, order.min_p, top_k)
    key = mx.random.key(order.seed)

    def draw(logprobs: Any) -> Any:
        nonlocal key
        key, now = mx.random.split(key)
        return _drawn(order, top_p, top_k, logprobs, now)

    # Each call advances the chain: one call for each token of the answer.
    draw.is_seeded = True  # pyright: ignore[reportFunctionMemberAccess]
    return draw


def trial_sampler(order: Generate, vocabulary: int) -> Callable[[Any, int], Any]:
    """A sampler for tokens that are tried before they are taken: log-probabilities and the token's number in the output to tokens.

    With a seed, the first trial of a token gives what `sampler` gives for it, so the answer is the same unless that token is refused.
    """
    if order.seed is None or not order.temperature:
        draw = sampler(order, vocabulary)
        return lambda logprobs, at: draw(logprobs)
    top_k = order.top_k if order.top_k < vocabulary else 0
    top_p = order.top_p if order.top_p < 1 else 0.0
    key, now, reached = mx.random.key(order.seed), None, -1

    def draw_at(logprobs: Any, at: int) -> Any:
        nonlocal key, now, reached
        if at == reached:
            now = mx.random.split(now)[0]
        while reached < at:
            key, now = mx.random.split(key)
            reached += 1
        return _drawn(order, top_p, top_k, logprobs, now)

    return draw_at


def _drawn(order: Generate, top_p: float, top_k: int, logprobs: Any, key: Any) -> Any:
    if top_p:
        logprobs = samplers.apply_top_p(logprobs, top_p)
    if order.min_p:
        logprobs = samplers.apply_min_p(logprobs, order.min_p, 1)
    if top_k:
        logprobs = samplers.apply_top_k(logprobs, top_k)
    return mx.random.categorical(logprobs * (1 / order.temperature), key=key)


def processors(order: Generate, prompt_length: int) -> list[Callable[[Any, Any], Any]]:
    """Logits processors for biases and penalties. Penalties consider only the answer, not the prompt."""
    if not (order.logit_bias or order.repetition_penalty or order.presence_penalty or order.frequency_penalty):
        return []
    made = samplers.make_logits_processors(
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
