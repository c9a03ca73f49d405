"""/v1/chat/completions in OpenAI's form: the answers."""

import secrets
import time
from typing import Any

import msgspec

from ...engine_client.engine_stream import ChoiceEvents, EngineEvent
from ...ipc.messages import Delta, Finished, TokenLogprob


class ChatAnswer:
    """The answer of one request with all its choices."""

    def __init__(self, model: str, choices: int, *, with_logprobs: bool = False, with_usage: bool = False):
        self._common: dict[str, Any] = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}
        self._with_logprobs, self._with_usage = with_logprobs, with_usage
        self._choices = [_CollectedChoice() for _ in range(choices)]
        self._calls = [0] * choices
        self._ends: list[Finished] = []
        self._is_begun = False

    def frames(self, events: ChoiceEvents) -> bytes:
        """Chunks of these events; before the first ones, the role of each choice; after the last one, usage and `[DONE]`."""
        frames: list[bytes] = []
        if not self._is_begun:
            self._is_begun = True
            frames = [self._chunk([_choice(at, {"role": "assistant", "content": ""})]) for at in range(len(self._choices))]
        for at, event in events:
            if isinstance(event, Finished):
                finish = "tool_calls" if self._calls[at] and event.finish == "stop" else event.finish
                frames.append(self._chunk([_choice(at, {}, finish)]))
                self._ends.append(event)
            elif isinstance(event, Delta):
                self._calls[at] += bool(event.name)
                frames.append(self._chunk([_choice(at, _delta(event, self._calls[at] - 1), logprobs=_logprobs(event.logprobs))]))
        if len(self._ends) == len(self._choices):
            if self._with_usage:
                frames.append(self._chunk([], usage_of(self._ends)))
            frames.append(b"data: [DONE]\n\n")
        return b"".join(frames)

    def add(self, events: ChoiceEvents) -> None:
        """Collect events for `body`."""
        for at, event in events:
            self._choices[at].add(event)

    def body(self) -> bytes:
        """The body of a request that does not stream."""
        choices = [choice.entry(at, with_logprobs=self._with_logprobs) for at, choice in enumerate(self._choices)]
        usage = usage_of([choice.end for choice in self._choices if choice.end is not None])
        return msgspec.json.encode({**self._common, "object": "chat.completion", "choices": choices, "usage": usage})

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        body = {**self._common, "object": "chat.completion.chunk", "choices": choices}
        if usage is not None:
            body["usage"] = usage
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


class _CollectedChoice:
    """One choice of an answer that does not stream."""

    def __init__(self) -> None:
        self.end: Finished | None = None
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._logprobs: list[TokenLogprob] = []

    def add(self, event: EngineEvent) -> None:
        """Take the next event."""
        if isinstance(event, Finished):
            self.end = event
        elif isinstance(event, Delta):
            self._logprobs += event.logprobs
            if event.name:
                self._calls.append({key: value for key, value in _delta(event, 0)["tool_calls"][0].items() if key != "index"})
            elif event.arguments:
                self._calls[-1]["function"]["arguments"] += event.arguments
            else:
                self._texts.append(event.text)
                self._thoughts.append(event.thinking)

    def entry(self, at: int, *, with_logprobs: bool) -> dict[str, Any]:
        """The entry of `choices`."""
        assert self.end is not None
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or (None if self._calls else "")}
        if thinking := "".join(self._thoughts):
            message["reasoning_content"] = thinking
        if self._calls:
            message["tool_calls"] = self._calls
        finish = "tool_calls" if self._calls and self.end.finish == "stop" else self.end.finish
        logprobs = {"content": [_token_entry(token) for token in self._logprobs]} if with_logprobs else None
        return {"index": at, "message": message, "finish_reason": finish, "logprobs": logprobs}


def _logprobs(tokens: list[TokenLogprob]) -> dict[str, Any] | None:
    return {"content": [_token_entry(token) for token in tokens]} if tokens else None


def _token_entry(token: TokenLogprob) -> dict[str, Any]:
    top = [{"token": text, "logprob": logprob, "bytes": content} for text, logprob, content in token.top]
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes, "top_logprobs": top}


def _choice(at: int, delta: dict[str, Any], finish: str | None = None, logprobs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"index": at, "delta": delta, "finish_reason": finish, "logprobs": logprobs}


def _delta(event: Delta, call: int) -> dict[str, Any]:
    if event.name:
        function = {"name": event.name, "arguments": event.arguments}
        return {"tool_calls": [{"index": call, "id": f"call_{secrets.token_hex(8)}", "type": "function", "function": function}]}
    if event.arguments:
        return {"tool_calls": [{"index": call, "function": {"arguments": event.arguments}}]}
    return {"reasoning_content": event.thinking} if event.thinking else {"content": event.text}


def usage_of(ends: list[Finished]) -> dict[str, Any]:
    """Usage of one request: its prompt once, the completions of all choices."""
    prompt, completion = ends[0].prompt_tokens, sum(end.completion_tokens for end in ends)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": ends[0].cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": sum(end.thinking_tokens for end in ends)},
    }
