"""One chunk of a chat stream: finds text, reasoning, calls, counts and the end wherever servers put them.

Nothing that is not needed can be wrong: fields of other types are passed over.
"""

from typing import Any, Literal, cast

import msgspec

from .base import Prefill, Usage

TOKENS_MAX = 10**12
MODEL_CHARS_MAX = 200
Finish = Literal["", "stop", "length", "tool_calls", "content_filter", "error"]
_FINISHES: dict[str, Finish] = {
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens", "max_length", "limit", "context_length"), "length"),
    **dict.fromkeys(("tool_calls", "tool_call", "function_call", "tool_use", "tool"), "tool_calls"),
    **dict.fromkeys(("content_filter", "content-filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("error", "abort", "aborted", "cancelled", "canceled", "network_error", "engine_overloaded", "failed", "unknown_error"), "error"),
}  # fmt: skip
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts", "thought", "reasoning_details", "thinking_blocks")


class Chunk(msgspec.Struct):
    """What a chunk says. `is_message`: it holds the whole answer, which a stream of pieces may have given already."""

    text: str = ""
    thinking: str = ""
    # The field in which the reasoning came.
    thinking_field: str = ""
    calls: list[Any] = []
    function: Any = None
    finish: Finish = ""
    finish_text: str = ""
    usage: Usage | None = None
    is_message: bool = False
    prefill: Prefill | None = None
    # The model that the server says it is.
    model: str = ""


def read(value: Any) -> Chunk:
    """The chunk that a JSON value is; an empty one for anything that has none of the known fields."""
    found = Chunk()
    top = _object(value)
    found.model = _plain(top.get("model"))[:MODEL_CHARS_MAX]
    choice = _first(top.get("choices"))
    usage = _object(top.get("usage")) or _object(choice.get("usage")) or _object(_object(top.get("x_groq")).get("usage"))
    if usage or isinstance(top.get("usage"), dict) or top.get("timings"):
        found.usage = read_usage(usage, _object(top.get("timings")))
    elif "prompt_eval_count" in top or "eval_count" in top:
        found.usage = read_usage({"prompt_tokens": top.get("prompt_eval_count"), "completion_tokens": top.get("eval_count")}, {})
    if reading := _object(top.get("prompt_progress")):
        found.prefill = Prefill(count(reading.get("processed")), count(reading.get("total")))
    delta = _object(choice.get("delta"))
    message = _object(choice.get("message")) or _object(top.get("message"))
    if not _says(delta) and _says(message):
        delta, found.is_message = message, "choices" in top
    found.text, inner = _text_of(delta.get("content"))
    if not found.text and not _says(delta):
        found.text = _plain(choice.get("text")) or _plain(top.get("response"))
    found.text = found.text or _plain(delta.get("refusal"))
    for name in _REASONING:
        if thought := _thought_of(delta.get(name)):
            found.thinking, found.thinking_field = thought, name
            break
    else:
        found.thinking = inner
    calls = delta.get("tool_calls")
    if isinstance(calls, list | dict):
        found.calls = cast("list[Any]", calls) if isinstance(calls, list) else [calls]
    found.function = delta.get("function_call")
    reason = choice.get("finish_reason", choice.get("stop_reason"))
    if reason is None and top.get("done") is True:
        reason = top.get("done_reason") or "stop"
    if reason is not None and reason != "":
        found.finish_text = str(reason)[:80]
        found.finish = _FINISHES.get(found.finish_text.lower(), "stop")
    return found


def read_usage(usage: dict[str, Any], timings: dict[str, Any]) -> Usage:
    """Token counts, whatever they are called and of whatever type."""
    prompt = _object(usage.get("prompt_tokens_details")) or _object(usage.get("input_tokens_details"))
    completion = _object(usage.get("completion_tokens_details")) or _object(usage.get("output_tokens_details"))
    cached = count(prompt.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"), usage.get("cached_tokens"), timings.get("cache_n"))
    return Usage(
        prompt=count(usage.get("prompt_tokens"), usage.get("input_tokens"), _sum(timings.get("prompt_n"), timings.get("cache_n"))),
        completion=count(usage.get("completion_tokens"), usage.get("output_tokens"), timings.get("predicted_n")),
        cached=cached,
        thinking=count(completion.get("reasoning_tokens"), usage.get("reasoning_tokens")),
    )


def _says(delta: dict[str, Any]) -> bool:
    return any(delta.get(name) not in (None, "", []) for name in ("content", "tool_calls", "function_call", "refusal", *_REASONING))


def _text_of(content: Any) -> tuple[str, str]:
    """(text, reasoning) of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    entries: list[Any] = cast("list[Any]", content) if isinstance(content, list) else [content]
    text, thought = "", ""
    for entry in entries:
        part = _object(entry)
        kind = _plain(part.get("type"))
        if isinstance(entry, str):
            text += entry
        elif "think" in kind or "reason" in kind:
            thought += _thought_of(part)
        elif kind not in ("tool_use", "tool_call", "function_call", "image_url"):
            text += _plain(part.get("text")) or _plain(part.get("content"))
    return text, thought


def _thought_of(value: Any, depth: int = 4) -> str:
    """Reasoning as text: a string, an object that holds one, or a list of either."""
    if isinstance(value, str):
        return value
    if not value or not depth:
        return ""
    if isinstance(value, list):
        return "".join(_thought_of(entry, depth - 1) for entry in cast("list[Any]", value))
    part = _object(value)
    found = (_thought_of(part[name], depth - 1) for name in ("text", "content", "thinking", "summary", "reasoning") if name in part)
    return next(filter(None, found), "")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _first(choices: Any) -> dict[str, Any]:
    """The first choice, also of a server that sends one alone."""
    if isinstance(choices, dict):
        return cast("dict[str, Any]", choices)
    entries: list[Any] = cast("list[Any]", choices) if isinstance(choices, list) else []
    found = [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
    return next((entry for entry in found if entry.get("index") in (0, None, "0")), found[0] if found else {})


def count(*given: Any) -> int:
    """The first of the counts that is a number, not negative, and bounded."""
    for value in given:
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value.strip()[:15])
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            return int(min(max(0, value), TOKENS_MAX))
    return 0


def _sum(*given: Any) -> int | None:
    numbers = [value for value in given if isinstance(value, int | float) and not isinstance(value, bool)]
    return int(sum(numbers)) if numbers else None
