"""/v1/completions, OpenAI's older form: a text, and its continuation. No chat template and no tools."""

import secrets
import time
from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ..engine_client.engine_stream import ChoiceEvents
from ..ipc.messages import Delta, Finished, Generate
from .chat.answer import usage_of
from .request_body import IGNORED, MaxTokens, ModelName, RequestBody, StreamOptions, stop_strings

PROMPTS_MAX, CHOICES_MAX = 8, 4


class CompletionRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /v1/completions."""

    prompt: str | list[str]
    model: ModelName = ""
    max_tokens: MaxTokens = 16
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=CHOICES_MAX)] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    presence_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.0
    user: Annotated[str | None, IGNORED] = None


def orders_of(request: CompletionRequest) -> list[Generate]:
    """`n` orders for each prompt. Raises Refused naming the field."""
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    if not 1 <= len(prompts) <= PROMPTS_MAX or not all(prompts):
        raise Refused(f"Field 'prompt': 1 to {PROMPTS_MAX} texts, none of them empty.")
    stop = stop_strings("stop", request.stop)
    return [
        Generate(
            id=0,
            messages=[],
            prompt=prompt,
            max_tokens=request.max_tokens,
            temperature=request.temperature or 0.0,
            top_p=request.top_p or 1.0,
            stop=stop,
            seed=None if request.seed is None else request.seed + at,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
        )
        for prompt in prompts
        for at in range(request.n)
    ]


class CompletionAnswer:
    """The answer of one request with all its choices."""

    def __init__(self, model: str, choices: int, *, with_usage: bool = False):
        self._common: dict[str, Any] = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._choices, self._with_usage = choices, with_usage
        self._texts: list[list[str]] = [[] for _ in range(choices)]
        self._ends: dict[int, Finished] = {}

    def frames(self, events: ChoiceEvents) -> bytes:
        """Chunks of these events; after the last one, usage and `[DONE]`."""
        frames: list[bytes] = []
        for at, event in events:
            if isinstance(event, Finished):
                self._ends[at] = event
                frames.append(self._chunk([_choice(at, "", event.finish)]))
            elif isinstance(event, Delta):
                frames.append(self._chunk([_choice(at, event.thinking or event.text, None)]))
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

    def body(self) -> bytes:
        """The body of a request that does not stream."""
        choices = [_choice(at, "".join(texts), self._ends[at].finish) for at, texts in enumerate(self._texts)]
        return msgspec.json.encode({**self._common, "choices": choices, "usage": usage_of(list(self._ends.values()))})

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        body = {**self._common, "choices": choices} | ({"usage": usage} if usage else {})
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _choice(at: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": at, "text": text, "finish_reason": finish, "logprobs": None}
