"""What a model server's error means: one table for HTTP answers and for errors inside of a stream.

The server's own words are shown, without the key, should it repeat that.
"""

import re
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from opta_core.errors import OptaError, Unavailable
from opta_protocol.error_info import ErrorCode

MESSAGE_CHARS_MAX = 500
RETRY_AFTER_MAX_S = 30.0
_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|context_window_exceeded|maximum context length|context overflow|string_above_max_length"
    r"|(?:exceed\w*|longer than|larger than|greater than|over|beyond|too (?:long|large) for|outside|fit\w* (?:in|into)|limit of) (?:the |this |its |your )?(?:model'?s? )?"
    r"(?:available |maximum |max |total |allowed |configured )*(?:context|n_ctx|prompt length|input length|sequence length|model length|number of tokens|token limit|max_seq_len|max_model_len)"
    r"|(?:prompt|input|request|conversation|message\w*|inputs?) (?:is|are|was|were) (?:too long|too large|longer than)|prompt too long|input too long"
    r"|reduce the length of (?:the|your) (?:messages|prompt|input)|too many (?:input |prompt )?tokens|maximum (?:prompt|input|sequence) length"
    r"|input token count .{0,40}exceeds|must have less than \d+ tokens|max_new_tokens`? must be <=|context (?:length|size|window|limit) of (?:only )?\d+"
    r"|n_ctx_slot|(?:context|token) (?:length|limit|window|size)\w* (?:is |was )?(?:exceeded|reached)|exceeds? (?:the )?(?:context|token)|range of input length",
    re.IGNORECASE,
)
# Errors of another kind use the same words.
_NOT_TOO_LONG = re.compile(
    r"time[d]?[ -]?out|loading|load (?:the )?model|failed to (?:load|allocate)|out of memory|insufficient memory|\brate limit|per minute|per day|tokens per",
    re.IGNORECASE,
)
_LOADING = re.compile(
    r"loading (?:the )?model|model is (?:still |currently )?loading|loading_model|warming up|not (?:yet )?ready|is starting", re.IGNORECASE
)
_NO_TOOLS = re.compile(r"(?:does not|doesn't|do not|not) support\w*:? (?:tool|function)|tools? (?:is|are) not supported|(?:tool|function)[ _-]?call\w* (?:is|are) not supported|requires? --enable-auto-tool-choice|--jinja", re.IGNORECASE)  # fmt: skip
_NO_MODEL = re.compile(r"model.{0,80}(?:not found|does not exist|not exist|not available|unknown|no such)|(?:no such|unknown|invalid) model|model_not_found|try pulling it", re.IGNORECASE)  # fmt: skip
_LIMITS = (
    re.compile(r"> ?(\d{3,8}) maximum", re.IGNORECASE),
    re.compile(r"n_ctx\D{0,12}(\d{3,8})", re.IGNORECASE),
    re.compile(r"context (?:size|length|window|limit)\D{0,30}?(\d{3,8})", re.IGNORECASE),
    re.compile(r"(?:maximum|max_model_len|max_seq_len|less than|limit|<=|of only|model length)\D{0,40}?(\d{3,8})", re.IGNORECASE),
)
_WAIT = re.compile(r"(?:try again|retry|wait)\D{0,24}?(\d+(?:\.\d+)?) ?(ms|milliseconds?|s|sec|seconds?|m|min|minutes?)\b", re.IGNORECASE)
_FIELD = re.compile(
    r"[\"'`]?\b(stream_options|max_tokens|max_completion_tokens|parallel_tool_calls|temperature|top_p|top_k|min_p|reasoning_effort|cache_prompt"
    r"|chat_template_kwargs|presence_penalty|frequency_penalty|repetition_penalty|repeat_penalty|seed|thinking_budget_tokens|thinking_token_budget"
    r"|reasoning)\b(?!_content)"
)
_UNKNOWN_FIELD = re.compile(r"unrecognized|unknown|unsupported|not supported|not permitted|not allowed|unexpected|extra|additional|invalid|deprecated|forbidden", re.IGNORECASE)  # fmt: skip
# What a request says about thinking, in any of the forms of `chat_fields.py` and in the words of servers.
_THINKING = re.compile(
    r"\breasoning[_ ]?(?:effort|config|budget|mode|value)?\b(?!_content)|\bthinking\b|\bthinking_(?:token_)?budget|enable_thinking"
    r"|chat_template_kwargs|\bbudget \d+ is invalid",
    re.IGNORECASE,
)
_NOT_THINKING = re.compile(
    r"(?:does not|doesn't|do not|not|cannot|can't) (?:support\w*|be|enabled|available|allowed|permitted|configured|recogni[sz]ed|take|accept)|unsupported|unrecogni[sz]ed|unknown"
    r"|not support|not permitted|extra(?:_forbidden| inputs)|additional|unexpected|invalid|must be|should be|mandatory|requires?\b|only works|combination",
    re.IGNORECASE,
)
_ANSWER_LENGTH = re.compile(
    r"(?:max_tokens|max_completion_tokens|max_new_tokens|max_output_tokens|completion tokens).{0,80}(?:too large|too high|too many|at most|exceed|greater than|less than|must be|<=|>)"
    r"|in the completion|length of the messages or completion|reduce .{0,40}(?:completion|max_tokens)|supports at most \d+ completion tokens",
    re.IGNORECASE | re.DOTALL,
)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Failure:
    """An error as a server reports it: what it says, and every word that names its kind."""

    message: str
    kind: str = ""
    context_limit: int = 0
    prompt_tokens: int = 0
    status: int = 0


def of_body(body: bytes, status: int = 0) -> Failure:
    """The failure in the body of an HTTP answer."""
    try:
        value = msgspec.json.decode(body)
    except _UNREADABLE:
        return Failure(_page_text(body.decode(errors="replace")), status=status)
    found = of_value(value)
    return (
        Failure(found.message, found.kind, found.context_limit, found.prompt_tokens, status)
        if found
        else Failure(body.decode(errors="replace")[:MESSAGE_CHARS_MAX], status=status)
    )


def of_value(value: Any) -> Failure | None:
    """The failure that a decoded JSON value reports; None when it reports none."""
    if isinstance(value, list) and value:
        return of_value(cast("list[Any]", value)[0])
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, Any]", value)
    if fields.get("choices"):
        inner: Any = fields.get("error")
        return _failure(inner, {}) if inner else None
    for name in ("error", "errors", "detail", "error_message", "err"):
        if fields.get(name):
            return _failure(fields[name], fields)
    says_error = "error" in str(fields.get("object", "")) or "error" in str(fields.get("type", "")) or fields.get("success") is False
    if (says_error or "choices" not in fields) and isinstance(fields.get("message"), str) and fields["message"]:
        return _failure(fields, {})
    return None


def _failure(error: Any, around: dict[str, Any]) -> Failure:
    if isinstance(error, list) and error:
        error = cast("list[Any]", error)[0]
    if not isinstance(error, dict):
        return Failure(str(cast("Any", error)), str(around.get("type", "")) + " " + str(around.get("code", "")))
    fields = cast("dict[str, Any]", error)
    inner = fields.get("error")
    if isinstance(inner, dict):
        fields = {**fields, **cast("dict[str, Any]", inner)}
    message = next((str(fields[name]) for name in ("message", "msg", "detail", "error", "reason", "description") if fields.get(name)), "")
    message = message or msgspec.json.encode(fields).decode(errors="replace")
    metadata = fields.get("metadata")
    if isinstance(metadata, dict) and cast("dict[str, Any]", metadata).get("raw"):
        message = f"{message}: {cast('dict[str, Any]', metadata)['raw']}"
    kind = " ".join(str(fields.get(name, "")) for name in ("type", "code", "status", "param", "loc"))
    return Failure(message, kind, _number(fields.get("n_ctx")), _number(fields.get("n_prompt_tokens")), _status(fields, around))


def classify(failure: Failure, where: str, name: str, model: str, retry_after: bytes = b"") -> OptaError:
    """The error for people and for the loop. `where`: "NAME at HOST"; `name`: the provider's name in the settings."""
    status, message = failure.status, failure.message
    words = f"{message} {failure.kind}"
    if "engine_lost" in failure.kind:
        return Unavailable(f"{where}: {message}", code=ErrorCode.engine_lost)
    if status in (401, 403) or re.search(r"invalid_api_key|authentication_error|permission_error", failure.kind):
        return OptaError(f"{where} refuses the key. Set it: opta config add-provider {name} … --key-stdin", code=ErrorCode.provider_auth)
    if status == 402 or re.search(r"insufficient_quota|billing", words, re.IGNORECASE):
        return OptaError(f"{where} refuses: the account has no credit left. {message}", code=ErrorCode.provider_error)
    is_too_long = _TOO_LONG.search(words) is not None or status == 413
    if is_too_long and not _NOT_TOO_LONG.search(words):
        details = {"contextLimit": failure.context_limit or _limit_in(message), "promptTokens": failure.prompt_tokens}
        return OptaError(
            f"{where}: the conversation is longer than the model can read. {message}",
            code=ErrorCode.context_overflow,
            details={key: value for key, value in details.items() if value},
        )
    if status == 429 or re.search(r"rate_limit|too_many_requests|resource_exhausted|overloaded", words, re.IGNORECASE):
        return Unavailable(
            f"{where} asks to slow down: {message}", code=ErrorCode.provider_unavailable, retry_after_s=_wait_s(retry_after, message)
        )
    if status in (0, 500, 502, 503, 529) and _LOADING.search(words):
        return Unavailable(
            f"{where} is loading the model: {message}",
            code=ErrorCode.provider_unavailable,
            retry_after_s=_wait_s(retry_after, message),
            details={"isLoading": True},
        )
    if _NO_MODEL.search(words):
        return OptaError(f"{where} has no model {model!r}: {message}", code=ErrorCode.model_not_found)
    if status == 404:
        return OptaError(
            f"{where} has no chat completions at this address ({message}). Check its base URL, which mostly ends in /v1: "
            f"opta config add-provider {name} …",
            code=ErrorCode.model_not_found if "model" in message.lower() else ErrorCode.provider_error,
        )
    if re.search(r"content_filter|content management policy|safety system|blocked by", words, re.IGNORECASE):
        return OptaError(f"{where} refuses the content: {message}", code=ErrorCode.provider_error, details={"finish": "content_filter"})
    said = f"{where} answered {status}: {message}" if status and status != 200 else f"{where}: {message}"
    is_busy = status in (408, 409, 425) or status >= 500 or bool(re.search(r"server_error|internal|unavailable|temporar", failure.kind))
    if is_busy:
        return Unavailable(said, code=ErrorCode.provider_unavailable, retry_after_s=_wait_s(retry_after, message))
    return OptaError(said, code=ErrorCode.provider_error)


def unsupported_field(failure: Failure) -> str:
    """The optional field of our request that a server does not know; 'tools' when its model cannot use tools; '' for neither."""
    words = f"{failure.message} {failure.kind}"
    if failure.status not in (0, 400, 404, 422, 500, 501):
        return ""
    if _NO_TOOLS.search(words):
        return "tools"
    field = _FIELD.search(words)
    return field.group(1) if field and _UNKNOWN_FIELD.search(words) else ""


def refuses_thinking(failure: Failure) -> bool:
    """Whether the server refuses what was said about thinking: its model cannot, cannot otherwise, or the field or its value is unknown."""
    words = f"{failure.message} {failure.kind}"
    return (
        failure.status in (0, 400, 404, 422, 500, 501)
        and not wants_reasoning(failure)
        and _THINKING.search(words) is not None
        and _NOT_THINKING.search(words) is not None
    )


def blames_answer_length(failure: Failure) -> bool:
    """Whether the server refuses the length that was allowed to the answer, as too long for the model or for what the prompt leaves."""
    words = f"{failure.message} {failure.kind}"
    return failure.status in (0, 400, 413, 422, 500) and _ANSWER_LENGTH.search(words) is not None


def wants_reasoning(failure: Failure) -> bool:
    """Whether a server demands the reasoning of earlier answers back."""
    words = f"{failure.message} {failure.kind}"
    return (
        failure.status in (0, 400, 422)
        and "reasoning_content" in words
        and re.search(r"pass(?:ed)? back|missing|required", words) is not None
    )


def _limit_in(message: str) -> int:
    """The size of the context that a message names, in tokens; 0 when it names none."""
    return next((int(found.group(1)) for pattern in _LIMITS if (found := pattern.search(message))), 0)


def _wait_s(header: bytes, message: str) -> float | None:
    """How long a server wants to be left alone, in moderation; None when it does not say so in seconds."""
    if header.isdigit():
        return min(float(header[:9]), RETRY_AFTER_MAX_S)
    if found := _WAIT.search(message):
        unit = found.group(2).lower()
        seconds = float(found.group(1)) * (0.001 if unit.startswith(("ms", "milli")) else 60 if unit.startswith("m") else 1)
        return min(seconds, RETRY_AFTER_MAX_S)
    return None


def _status(fields: dict[str, Any], around: dict[str, Any]) -> int:
    """A status that stands inside of an error, as gateways pass it on."""
    found = next((value for value in (fields.get("code"), fields.get("status"), around.get("code"), around.get("status")) if value), 0)
    number = int(found) if isinstance(found, str) and found.isdecimal() and len(found) == 3 else found
    return number if isinstance(number, int) and not isinstance(number, bool) and 400 <= number <= 599 else 0


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**9 else 0


def _page_text(text: str) -> str:
    """The words of an error page."""
    plain = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL | re.IGNORECASE) if "<" in text else text
    return " ".join(plain.split())[:MESSAGE_CHARS_MAX]
