"""The inference routes: each turns a request body into orders, and the engine's events into an answer of its API. Knows no HTTP."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec

from ..engine_client.engine_stream import Meter
from ..ipc.messages import Finished, Generate, Tokens, Vectors
from ..models.engine_pool import EnginePool
from ..models.served_model import ServedModel
from . import completions, embeddings, tokenize
from .answer_form import AnswerForm
from .chat import request as chat
from .chat.answer import ChatAnswer
from .field_rules import Rules
from .messages import request as messages
from .messages.answer import MessagesAnswer
from .request_body import Ignored, StreamOptions
from .responses import request as responses
from .responses.answer import ResponsesAnswer

# Sent when no event came for a while: a comment, which every client of server-sent events skips.
KEEP_ALIVE = b": waiting\n\n"
EVENT_STREAM = b"text/event-stream"


class InferenceReply(msgspec.Struct, frozen=True):
    """An answer to send. `content` yields server-sent events when `is_stream`, else one JSON body; its first item may raise OptaError.

    Closing `content` cancels what the engine still does for it.
    """

    model: str
    content: AsyncGenerator[bytes, None]
    is_stream: bool = False
    # Of a stream.
    media_type: bytes = EVENT_STREAM


class InferenceRoute(msgspec.Struct, frozen=True):
    """One POST route: the Struct that its body decodes to, the table of its fields, and its handler.

    The handler gets the body, the caller's name, and a list to which it adds the parts of the body that it ignores.
    """

    body: type[Any]
    rules: Rules
    handle: Callable[[Any, str, Ignored], Awaitable[InferenceReply]]


class InferenceApi:
    """`routes`: path -> route. `meter` makes the meter of one request from the model, the caller and the number of choices."""

    def __init__(self, pool: EnginePool, meter: Callable[[str, str, int], Meter]):
        self._pool, self._meter = pool, meter
        self.routes: dict[str, InferenceRoute] = {
            "/v1/chat/completions": InferenceRoute(chat.ChatRequest, chat.RULES, self._chat),
            "/v1/completions": InferenceRoute(completions.CompletionRequest, completions.RULES, self._completions),
            "/v1/responses": InferenceRoute(responses.ResponsesRequest, responses.RULES, self._responses),
            "/v1/messages": InferenceRoute(messages.MessagesRequest, messages.RULES, self._messages),
            "/v1/messages/count_tokens": InferenceRoute(messages.CountRequest, messages.COUNT_RULES, self._count_tokens),
            "/v1/embeddings": InferenceRoute(embeddings.EmbeddingsRequest, embeddings.RULES, self._embeddings),
            "/v1/tokenize": InferenceRoute(tokenize.TokenizeRequest, tokenize.RULES, self._tokenize),
        }
        # Addresses of clients whose base URL lacks `/v1`, and LM Studio's.
        for name in ("chat/completions", "completions", "embeddings"):
            self.routes[f"/{name}"] = self.routes[f"/api/v0/{name}"] = self.routes[f"/v1/{name}"]

    async def _chat(self, request: chat.ChatRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        orders = chat.orders_of(request, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))
        form = ChatAnswer(engine.name, len(orders), with_logprobs=bool(request.logprobs), with_usage=_wants_usage(request.stream_options))
        return self.reply(engine, orders, caller, form, is_stream=request.stream, is_batch=request.service_tier == "flex")

    async def _completions(self, request: completions.CompletionRequest, caller: str, found: Ignored) -> InferenceReply:
        orders = completions.orders_of(request)
        engine = await self._pool.engine(request.model)
        echoed = [order.prompt for order in orders] if request.echo else None
        form = completions.CompletionAnswer(engine.name, len(orders), with_usage=_wants_usage(request.stream_options), echoed=echoed)
        return self.reply(engine, orders, caller, form, is_stream=request.stream)

    async def _responses(self, request: responses.ResponsesRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        tools = responses.tools_of(request, found)
        order = responses.order_of(request, tools, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))
        form = ResponsesAnswer(engine.name, request, tools)
        return self.reply(engine, [order], caller, form, is_stream=request.stream, is_batch=request.service_tier == "flex")

    async def _messages(self, request: messages.MessagesRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        order = messages.order_of(request, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))
        return self.reply(engine, [order], caller, MessagesAnswer(engine.name), is_stream=request.stream)

    async def _count_tokens(self, request: messages.CountRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        order = messages.order_of(request, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))

        async def content() -> AsyncGenerator[bytes, None]:
            with engine.generate([order], caller) as stream:
                async for events in stream:
                    for _, event in events:
                        if isinstance(event, Finished):
                            yield msgspec.json.encode({"input_tokens": event.prompt_tokens})

        return InferenceReply(engine.name, content())

    async def _embeddings(self, request: embeddings.EmbeddingsRequest, caller: str, found: Ignored) -> InferenceReply:
        order = embeddings.order_of(request)
        engine = await self._pool.engine(request.model, for_vectors=True)

        async def content() -> AsyncGenerator[bytes, None]:
            found = await engine.once(order, caller)
            assert isinstance(found, Vectors)
            yield embeddings.body_of(request, engine.name, found)

        return InferenceReply(engine.name, content())

    async def _tokenize(self, request: tokenize.TokenizeRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = "this path counts no pictures; /v1/messages/count_tokens does"
        order = tokenize.order_of(request, found)
        engine = await self._pool.engine(request.model)

        async def content() -> AsyncGenerator[bytes, None]:
            found = await engine.once(order, caller)
            assert isinstance(found, Tokens)
            yield tokenize.body_of(engine.name, engine.loaded.context_length if engine.loaded else 0, found)

        return InferenceReply(engine.name, content())

    def reply(
        self,
        engine: ServedModel,
        orders: list[Generate],
        caller: str,
        form: AnswerForm,
        *,
        is_stream: bool,
        is_batch: bool = False,
        media_type: bytes = EVENT_STREAM,
    ) -> InferenceReply:
        """The answer to these orders. A stream of `media_type` other than events has nothing that says that it is alive."""
        keep_alive = KEEP_ALIVE if media_type == EVENT_STREAM else b""
        content = self._content(engine, orders, caller, form, is_stream=is_stream, is_batch=is_batch, keep_alive=keep_alive)
        return InferenceReply(engine.name, content, is_stream, media_type)

    async def _content(
        self,
        engine: ServedModel,
        orders: list[Generate],
        caller: str,
        form: AnswerForm,
        *,
        is_stream: bool,
        is_batch: bool,
        keep_alive: bytes,
    ) -> AsyncGenerator[bytes, None]:
        """The one generator of a request: while it is open, the engine works on it."""
        meter = self._meter(engine.name, caller, len(orders))
        with engine.generate(orders, caller, meter, is_batch=is_batch) as stream:
            async for events in stream:
                if not is_stream:
                    form.add(events)
                elif events:
                    if frames := form.frames(events):
                        yield frames
                elif keep_alive:
                    yield keep_alive
            if not is_stream:
                yield form.body()


def _wants_usage(options: StreamOptions | None) -> bool:
    return options is not None and options.include_usage is True
