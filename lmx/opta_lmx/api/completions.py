"""/v1/completions, OpenAI's older form: text in, text on. No chat template, no tools."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ..engine_client.client import EngineEvent
from ..ipc.messages import Finished, Generate
from .chat.answer import merged, usage_of
from .chat.request import MAX_TOKENS_MAX, STOPS_MAX, StreamOptions

PROMPTS_MAX, CHOICES_MAX = 8, 4


class CompletionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of /v1/completions."""

    prompt: str | list[str]
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)] = 16
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=CHOICES_MAX)] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    presence_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.0
    user: str | None = None


def orders_of(request: CompletionRequest) -> list[Generate]:
    """Each prompt, `n` times. Raises Refused naming the field."""
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    if not 1 <= len(prompts) <= PROMPTS_MAX or not all(prompts):
        raise Refused(f"Field 'prompt': 1 to {PROMPTS_MAX} texts, none of them empty.")
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stop) > STOPS_MAX or any(not 1 <= len(text) <= 256 for text in stop):
        raise Refused(f"Field 'stop': at most {STOPS_MAX} strings of 1 to 256 characters.")
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


class Text:
    """Answers in this form."""

    def __init__(self, model: str):
        self._common: dict[str, Any] = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }

    async def whole(self, answers: list[AsyncIterator[list[EngineEvent]]]) -> bytes:
        """The body of a request that does not stream."""
        texts, ends = [""] * len(answers), dict[int, Finished]()
        async for at, pieces in merged(answers):
            for piece in pieces:
                if isinstance(piece, Finished):
                    ends[at] = piece
                else:
                    texts[at] += piece.thinking or piece.text
        choices = [_choice(at, text, ends[at].finish) for at, text in enumerate(texts)]
        return msgspec.json.encode({**self._common, "choices": choices, "usage": usage_of(list(ends.values()))})

    async def frames(self, answers: list[AsyncIterator[list[EngineEvent]]], *, include_usage: bool) -> AsyncIterator[bytes]:
        """SSE frames, `[DONE]` last."""
        ends: list[Finished] = []
        async for at, pieces in merged(answers):
            said = b""
            for piece in pieces:
                if isinstance(piece, Finished):
                    ends.append(piece)
                    said += self._frame([_choice(at, "", piece.finish)])
                else:
                    said += self._frame([_choice(at, piece.thinking or piece.text, None)])
            if len(ends) == len(answers):
                said += self._frame([], usage_of(ends)) if include_usage else b""
                said += b"data: [DONE]\n\n"
            yield said

    def _frame(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        body = {**self._common, "choices": choices} | ({"usage": usage} if usage else {})
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _choice(at: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": at, "text": text, "finish_reason": finish, "logprobs": None}
