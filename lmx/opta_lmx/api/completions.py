"""/v1/completions, OpenAI's older form: a text, and its continuation. No chat template and no tools."""

import secrets
import time
from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ..engine_client.engine_stream import ChoiceEvents
from ..ipc.messages import Delta, Finished, Generate, TokenLogprob
from .chat.answer import usage_of
from .field_rules import COMMON, GRAMMARS, MAX_TOKENS, MODEL, SAMPLING, FieldRule, done, ignored, refused
from .request_body import (
    ClientBody,
    MaxTokens,
    ModelName,
    Penalty,
    Seed,
    Share,
    StreamOptions,
    Temperature,
    chosen_of,
    seed_of,
    stop_strings,
)  # fmt: skip

PROMPTS_MAX, CHOICES_MAX, LOGPROBS_MAX = 8, 4, 20

# As OpenAI's.
DEFAULT_COMPLETION_TOKENS = 16


class CompletionRequest(ClientBody, frozen=True, kw_only=True):
    """The body of /v1/completions."""

    prompt: str | list[str]
    model: ModelName = ""
    max_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    min_p: Share | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=CHOICES_MAX)] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    echo: bool = False
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=LOGPROBS_MAX)] | None = None
    repetition_penalty: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None


RULES: dict[str, FieldRule] = {
    "prompt": done(f"a text, or up to {PROMPTS_MAX}; token ids are refused"),
    "model": MODEL,
    "max_tokens": MAX_TOKENS,
    **SAMPLING,
    "n": done(f"1 to {CHOICES_MAX}"),
    "stream": done(),
    "stream_options": done("`include_usage`"),
    "stop": done(),
    "echo": done(),
    "logprobs": done(f"0 to {LOGPROBS_MAX}"),
    **GRAMMARS,
    "suffix": refused("this model continues a text and cannot fill a gap.", unless=("",)),
    "best_of": ignored("each choice is an answer of its own"),
    **COMMON,
}


def orders_of(request: CompletionRequest) -> list[Generate]:
    """`n` orders for each prompt. Raises Refused naming the field."""
    prompts = prompts_of(request)
    stop, seed = stop_strings("stop", request.stop), seed_of(request.seed)
    chosen = chosen_of(
        DEFAULT_COMPLETION_TOKENS,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        repetition_penalty=request.repetition_penalty,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
    )
    return [
        Generate(
            id=0,
            messages=[],
            prompt=prompt,
            stop=stop,
            seed=None if seed is None else seed + at,
            logprobs=-1 if request.logprobs is None else request.logprobs,
            **chosen,
        )
        for prompt in prompts
        for at in range(request.n)
    ]


def prompts_of(request: CompletionRequest) -> list[str]:
    """The prompts. Raises Refused."""
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    if not 1 <= len(prompts) <= PROMPTS_MAX or not all(prompts):
        raise Refused(f"Field 'prompt': 1 to {PROMPTS_MAX} texts, none of them empty.")
    return prompts


class CompletionAnswer:
    """The answer of one request with all its choices."""

    def __init__(self, model: str, choices: int, *, with_usage: bool = False, echoed: list[str] | None = None):
        self._common: dict[str, Any] = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._choices, self._with_usage = choices, with_usage
        # The text that each choice begins with: its prompt, where that is to be repeated.
        self._echoed = echoed or [""] * choices
        self._texts: list[list[str]] = [[text] for text in self._echoed]
        self._logprobs: list[list[TokenLogprob]] = [[] for _ in range(choices)]
        self._is_begun = False
        self._ends: dict[int, Finished] = {}

    def frames(self, events: ChoiceEvents) -> bytes:
        """Chunks of these events; after the last one, usage and `[DONE]`."""
        frames: list[bytes] = []
        if not self._is_begun:
            self._is_begun = True
            frames += [self._chunk([_choice(at, text, None, [])]) for at, text in enumerate(self._echoed) if text]
        for at, event in events:
            if isinstance(event, Finished):
                self._ends[at] = event
                frames.append(self._chunk([_choice(at, "", event.finish, [])]))
            elif isinstance(event, Delta):
                frames.append(self._chunk([_choice(at, event.thinking or event.text, None, event.logprobs)]))
        if len(self._ends) == self._choices:
            if self._with_usage:
                frames.append(self._chunk([], usage_of(list(self._ends.values()))))
            frames.append(b"data: [DONE]\n\n")
        return b"".join(frames)

    def add(self, events: ChoiceEvents) -> None:
        """Collect events for `body`."""
        for at, event in events:
            if isinstance(event, Finished):
                self._ends[at] = event
            elif isinstance(event, Delta):
                self._texts[at].append(event.thinking or event.text)
                self._logprobs[at] += event.logprobs

    def body(self) -> bytes:
        """The body of a request that does not stream."""
        choices = [_choice(at, "".join(texts), self._ends[at].finish, self._logprobs[at]) for at, texts in enumerate(self._texts)]
        return msgspec.json.encode({**self._common, "choices": choices, "usage": usage_of(list(self._ends.values()))})

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        body = {**self._common, "choices": choices} | ({"usage": usage} if usage else {})
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _choice(at: int, text: str, finish: str | None, logprobs: list[TokenLogprob]) -> dict[str, Any]:
    return {"index": at, "text": text, "finish_reason": finish, "logprobs": _columns(logprobs) if logprobs else None}


def _columns(tokens: list[TokenLogprob]) -> dict[str, Any]:
    """Log-probabilities in the older form: one list for each kind of value. `text_offset` counts characters of these tokens."""
    offsets: list[int] = []
    at = 0
    for token in tokens:
        offsets.append(at)
        at += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{text: logprob for text, logprob, _ in token.top} for token in tokens],
        "text_offset": offsets,
    }
