"""The Messages API (/v1/messages): thinking blocks with signatures, calls with streamed arguments, and marks for the server's cache."""

import re
from typing import Any

import msgspec

from opta_core.logs import Log
from opta_core.model_servers.address import headers_of
from opta_core.net.http_client import Challenge
from opta_core.secrets.vault import Secret

from . import failures
from .anthropic_messages import can_think, converted, converted_tools
from .anthropic_reader import AnthropicReader
from .base import ModelRequest
from .failures import Failure
from .http_provider import HttpProvider
from .openai import CONTENT_GAP_S, FIRST_CONTENT_S
from .thinking_refusals import ThinkingRefusals

# The API demands a limit; this one is used where the context is not known.
MAX_TOKENS_DEFAULT = 8192
# The smallest budget for thinking that the API takes, and those of the levels. The answer needs room beside it.
BUDGET_MIN, BUDGETS = 1024, {"low": 2048, "on": 8192, "medium": 8192, "high": 24_576}
ANSWER_MIN = 1024
# Sampling that the API knows.
_OPTIONS = ("temperature", "top_p", "top_k")
_OPTIONAL = re.compile(r"[\"'`]?\b(temperature|top_p|top_k|cache_control|output_config)\b")
_REFUSED = re.compile(
    r"unrecognized|unknown|unsupported|not supported|not permitted|not allowed|extra|invalid|deprecated|forbidden|cannot|may only|unexpected",
    re.IGNORECASE,
)
# Newer models take an effort in the place of a budget.
_WANTS_EFFORT = re.compile(
    r"thinking\.type\W{0,3}(?:enabled|adaptive)|adaptive|budget_tokens.{0,40}(?:not supported|deprecated)", re.IGNORECASE
)
# What is said about thinking blocks that are given back, and not about thinking itself.
_WRONG_BLOCKS = re.compile(r"signature|thinking\W{0,3}blocks?\b|(?:expected|found)\W{1,3}(?:redacted_)?thinking", re.IGNORECASE)
log = Log("provider")


class AnthropicProvider(HttpProvider):
    """See `HttpProvider`."""

    path = "/messages"

    def __init__(self, name: str, base_url: str, key: Secret | None = None, certificate: str = "", challenge: Challenge | None = None):
        super().__init__(name, base_url, key, certificate, challenge, headers_of("anthropic", key))
        # Model -> what its server refused.
        self._refused: dict[str, set[str]] = {}
        # Models that take an effort and no budget; models whose signatures were refused in a turn's messages.
        self._takes_effort: set[str] = set()
        self._thinking = ThinkingRefusals(name)

    def _reader(self, request: ModelRequest) -> AnthropicReader:
        return AnthropicReader(bytes(request.tools))

    def _notice(self, request: ModelRequest) -> str:
        return self._thinking.notice(request.model)

    def _patience(self) -> tuple[float, float]:
        return FIRST_CONTENT_S, CONTENT_GAP_S

    def _body(self, request: ModelRequest) -> bytes:
        request, refused = self._thinking.applied(request), self._refused.get(request.model, set())
        max_tokens = request.max_tokens or MAX_TOKENS_DEFAULT
        thinking = self._thinking_fields(request, max_tokens) if can_think(request.messages) else {}
        system, messages = converted(request.messages, with_thinking=bool(thinking))
        body: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens, "stream": True}
        if system:
            body["system"] = system
        if tools := converted_tools(request.tools):
            body["tools"] = tools
        body["messages"] = messages
        # While it thinks, the API takes no other sampling.
        is_thinking = bool(thinking) and thinking["thinking"]["type"] != "disabled"
        body |= {name: value for name, value in request.options.items() if name in _OPTIONS and not is_thinking} | thinking
        for field in refused:
            body.pop(field, None)
        return msgspec.json.encode(_without_cache_marks(body) if "cache_control" in refused else body)

    def _thinking_fields(self, request: ModelRequest, max_tokens: int) -> dict[str, Any]:
        level, budget = request.thinking, request.thinking_budget
        if level == "off":
            return {"thinking": {"type": "disabled"}}
        if level == "auto":
            return {}
        if request.model in self._takes_effort:
            effort = {} if level == "on" else {"output_config": {"effort": level}}
            return {"thinking": {"type": "adaptive"}} | effort
        tokens = min(budget or BUDGETS[level], max_tokens - ANSWER_MIN)
        return {"thinking": {"type": "enabled", "budget_tokens": tokens}} if tokens >= BUDGET_MIN else {}

    def _adapt(self, request: ModelRequest, failure: Failure) -> ModelRequest | None:
        words = f"{failure.message} {failure.kind}"
        if failures.blames_answer_length(failure) and request.max_tokens > MAX_TOKENS_DEFAULT:
            return msgspec.structs.replace(request, max_tokens=MAX_TOKENS_DEFAULT)
        if request.thinking not in ("auto", "off"):
            if _WRONG_BLOCKS.search(words):
                # Blocks of another server, or of a model before: this turn goes on without thinking.
                return msgspec.structs.replace(request, thinking="off")
            if _WANTS_EFFORT.search(words) and request.model not in self._takes_effort:
                self._takes_effort.add(request.model)
                return request
        if failures.refuses_thinking(failure) and self._thinking.learn(request):
            return request
        field = found.group(1) if (found := _OPTIONAL.search(words)) and _REFUSED.search(words) else ""
        refused = self._refused.setdefault(request.model, set())
        if not field or field in refused:
            return None
        log.info("asked again without a field", provider=self.name, field=field)
        refused.add(field)
        return request

    def _may_adapt(self, failure: Failure) -> bool:
        words = f"{failure.message} {failure.kind}"
        return failure.status in (0, 400, 422) and bool(
            failures.blames_answer_length(failure)
            or failures.refuses_thinking(failure)
            or _OPTIONAL.search(words)
            or _WRONG_BLOCKS.search(words)
            or _WANTS_EFFORT.search(words)
        )


def _without_cache_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_cache_marks(inner) for key, inner in value.items() if key != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    return [_without_cache_marks(inner) for inner in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
