"""Answers of /v1/chat/completions: whole, and as server-sent events."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ...engine_client.client import EngineEvent
from ...ipc.messages import Delta, Finished, TokenLogprob


class Completion:
    """The answers' common fields."""

    def __init__(self, model: str):
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self.model = model

    def chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        """One SSE frame."""
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        if usage is not None:
            body["usage"] = usage
        return b"data: " + msgspec.json.encode(body) + b"\n\n"

    def whole(self, choices: list[dict[str, Any]], usage: dict[str, Any]) -> bytes:
        """The answer of a request that does not stream."""
        body = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "usage": usage,
        }
        return msgspec.json.encode(body)


async def merged(answers: list[AsyncIterator[list[EngineEvent]]]) -> AsyncIterator[tuple[int, list[EngineEvent]]]:
    """(which answer, pieces that came together), in the order they come. Ends, or fails, with all of them."""
    if len(answers) == 1:
        async for pieces in answers[0]:
            yield 0, pieces
        return
    arrived: asyncio.Queue[tuple[int, list[EngineEvent] | BaseException | None]] = asyncio.Queue()

    async def carry(at: int, answer: AsyncIterator[list[EngineEvent]]) -> None:
        try:
            async for pieces in answer:
                arrived.put_nowait((at, pieces))
            arrived.put_nowait((at, None))
        except Exception as error:  # told to whoever reads
            arrived.put_nowait((at, error))

    tasks = [asyncio.create_task(carry(at, answer), name=f"choice {at}") for at, answer in enumerate(answers)]
    try:
        left = len(tasks)
        while left:
            at, found = await arrived.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                left -= 1
            else:
                yield at, found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stream_frames(
    completion: Completion, answers: list[AsyncIterator[list[EngineEvent]]], *, include_usage: bool
) -> AsyncIterator[bytes]:
    """SSE frames of answers, `[DONE]` last; pieces that came together leave together.

    Nothing comes before the engine has taken the request: until then a refusal still has a status of its own.
    """
    frames = [completion.chunk([_choice(at, {"role": "assistant", "content": ""})]) for at in range(len(answers))]
    calls = [0] * len(answers)
    ends: list[Finished] = []
    async for at, pieces in merged(answers):
        for piece in pieces:
            if isinstance(piece, Finished):
                finish = "tool_calls" if calls[at] and piece.finish == "stop" else piece.finish
                frames.append(completion.chunk([_choice(at, {}, finish)]))
                ends.append(piece)
                if len(ends) == len(answers):
                    if include_usage:
                        frames.append(completion.chunk([], usage_of(ends)))
                    frames.append(b"data: [DONE]\n\n")
            else:
                calls[at] += bool(piece.name)
                frames.append(completion.chunk([_choice(at, _delta(piece, calls[at] - 1), logprobs=_logprobs(piece.logprobs))]))
        yield b"".join(frames)
        frames = []


async def whole_answer(completion: Completion, answers: list[AsyncIterator[list[EngineEvent]]], *, logprobs: bool = False) -> bytes:
    """The body of a request that does not stream."""
    found = [_Whole() for _ in answers]
    async for at, pieces in merged(answers):
        for piece in pieces:
            found[at].take(piece)
    choices = [whole.choice(at, logprobs=logprobs) for at, whole in enumerate(found)]
    return completion.whole(choices, usage_of([whole.end for whole in found if whole.end is not None]))


class _Whole:
    """One answer, gathered."""

    def __init__(self) -> None:
        self.text = self.thinking = ""
        self.calls: list[dict[str, Any]] = []
        self.logprobs: list[TokenLogprob] = []
        self.end: Finished | None = None

    def take(self, piece: EngineEvent) -> None:
        """Take in the next piece."""
        if isinstance(piece, Finished):
            self.end = piece
            return
        self.logprobs += piece.logprobs
        if piece.name:
            self.calls += [{key: value for key, value in call.items() if key != "index"} for call in _delta(piece, 0)["tool_calls"]]
        elif piece.arguments:
            self.calls[-1]["function"]["arguments"] += piece.arguments
        else:
            self.text += piece.text
            self.thinking += piece.thinking

    def choice(self, at: int, *, logprobs: bool) -> dict[str, Any]:
        """As it stands in the body."""
        assert self.end is not None
        message: dict[str, Any] = {"role": "assistant", "content": self.text or (None if self.calls else "")}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        if self.calls:
            message["tool_calls"] = self.calls
        finish = "tool_calls" if self.calls and self.end.finish == "stop" else self.end.finish
        told = {"content": [_told(token) for token in self.logprobs]} if logprobs else None
        return {"index": at, "message": message, "finish_reason": finish, "logprobs": told}


def _logprobs(tokens: list[TokenLogprob]) -> dict[str, Any] | None:
    return {"content": [_told(token) for token in tokens]} if tokens else None


def _told(token: TokenLogprob) -> dict[str, Any]:
    top = [{"token": text, "logprob": logprob, "bytes": list(text.encode())} for text, logprob in token.top]
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes, "top_logprobs": top}


def _choice(at: int, delta: dict[str, Any], finish: str | None = None, logprobs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"index": at, "delta": delta, "finish_reason": finish, "logprobs": logprobs}


def _delta(piece: Delta, call: int) -> dict[str, Any]:
    if piece.name:
        function = {"name": piece.name, "arguments": piece.arguments}
        return {"tool_calls": [{"index": call, "id": f"call_{secrets.token_hex(8)}", "type": "function", "function": function}]}
    if piece.arguments:
        return {"tool_calls": [{"index": call, "function": {"arguments": piece.arguments}}]}
    return {"reasoning_content": piece.thinking} if piece.thinking else {"content": piece.text}


def usage_of(ends: list[Finished]) -> dict[str, Any]:
    """Of one request: its prompt once, everything it was answered."""
    prompt, answered = ends[0].prompt_tokens, sum(end.completion_tokens for end in ends)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answered,
        "total_tokens": prompt + answered,
        "prompt_tokens_details": {"cached_tokens": ends[0].cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": sum(end.thinking_tokens for end in ends)},
    }
