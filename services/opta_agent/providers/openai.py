"""Any OpenAI-compatible chat server: LMX, and everything that speaks /v1/chat/completions."""

from typing import Any

import msgspec

from opta_core.logs import Log

from . import failures
from .answer_reader import AnswerReader
from .base import ModelRequest
from .chat_fields import chat_fields
from .failures import Failure
from .http_provider import HttpProvider
from .thinking_refusals import ThinkingRefusals

# How long a server may read the prompt, and how long it may be busy without a word of its answer after that: a long call is often
# kept back until it is whole.
FIRST_CONTENT_S, CONTENT_GAP_S = 600.0, 300.0
log = Log("provider")


class OpenAiProvider(HttpProvider):
    """See `HttpProvider`."""

    path = "/chat/completions"

    # Model -> fields of a request that its server refused, and models whose server wants reasoning in every answer of the history.
    _refused: dict[str, set[str]]
    _wants_reasoning: set[str]

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        self._refused, self._wants_reasoning = {}, set()
        self._thinking = ThinkingRefusals(self.name)

    def _reader(self, request: ModelRequest) -> AnswerReader:
        return AnswerReader(bytes(request.tools))

    def _patience(self) -> tuple[float, float]:
        return FIRST_CONTENT_S, CONTENT_GAP_S

    def _notice(self, request: ModelRequest) -> str:
        if notice := self._thinking.notice(request.model):
            return notice
        if request.tools and "tools" in self._refused.get(request.model, ()):
            return f"{self.name} says that {request.model} takes no tools: it can talk, and neither read nor change anything."
        return ""

    def _body(self, request: ModelRequest) -> bytes:
        request = self._thinking.applied(request)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": _messages(request, wants_reasoning=request.model in self._wants_reasoning),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = request.tools
        body.update(chat_fields(request))
        for field in self._refused.get(request.model, ()):
            if field == "max_tokens" and field in body:
                body["max_completion_tokens"] = body["max_tokens"]
            body.pop(field, None)
        return msgspec.json.encode(body)

    def _adapt(self, request: ModelRequest, failure: Failure) -> ModelRequest | None:
        """The same request without a field that the server does not know or with one that it demands."""
        if request.max_tokens and failures.blames_answer_length(failure):
            # The limit is not what was thought; the server knows best how much room there is.
            return msgspec.structs.replace(request, max_tokens=0)
        if failures.wants_reasoning(failure) and request.model not in self._wants_reasoning:
            self._wants_reasoning.add(request.model)
            return request
        if failures.refuses_thinking(failure) and self._thinking.learn(request):
            return request
        field = failures.unsupported_field(failure)
        refused = self._refused.setdefault(request.model, set())
        if not field or field in refused or (field == "tools" and not request.tools):
            return None
        log.info("asked again without a field", provider=self.name, field=field)
        refused.add(field)
        return request

    def _may_adapt(self, failure: Failure) -> bool:
        return super()._may_adapt(failure) or failures.blames_answer_length(failure) or failures.refuses_thinking(failure)


def _messages(request: ModelRequest, *, wants_reasoning: bool) -> Any:
    """The messages, without what only the Messages API knows; in every answer what was thought, for a server that demands it."""
    is_signed = b'"thinking_blocks"' in bytes(request.messages)
    if not is_signed and not wants_reasoning:
        return request.messages
    found: list[dict[str, Any]] = msgspec.json.decode(request.messages)
    for message in found if is_signed else []:
        message.pop("thinking_blocks", None)
    return [{"reasoning_content": "", **message} if wants_reasoning and message["role"] == "assistant" else message for message in found]
