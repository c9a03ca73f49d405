"""The routes that ask a model: each reads a body, makes orders of it, and gives the engine's answer in its API's form."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from ..engine_client.client import Engine, EngineEvent
from ..ipc.messages import Finished, Generate, Tokens, Vectors
from ..models.engine_pool import EnginePool
from ..server.metrics import Metrics
from ..server.sse import Asked, close, respond
from . import completions, embeddings
from .chat import answer as chat_answer
from .chat import request as chat
from .messages import request as messages
from .responses import request as responses
from .responses.answer import Response

Answers = list[AsyncIterator[list[EngineEvent]]]


class Inference:
    """`routes`: path of a POST -> its handler."""

    def __init__(self, pool: EnginePool, metrics: Metrics):
        self._pool, self._metrics = pool, metrics
        self.routes: dict[str, Callable[[Asked], Awaitable[None]]] = {
            "/v1/chat/completions": self._chat,
            "/v1/completions": self._completions,
            "/v1/responses": self._responses,
            "/v1/messages": self._messages,
            "/v1/messages/count_tokens": self._count,
            "/v1/embeddings": self._embeddings,
            "/v1/tokenize": self._tokenize,
        }

    async def _chat(self, asked: Asked) -> None:
        request = await asked.body(chat.ChatRequest)
        orders = chat.orders_of(request)
        engine = await self._pool.engine(request.model)
        answers = self._answers(asked, engine, orders, is_batch=request.service_tier == "flex")
        completion = chat_answer.Completion(engine.name)
        if request.stream:
            include_usage = bool(request.stream_options and request.stream_options.include_usage)
            await _give(asked, engine, answers, frames=chat_answer.stream_frames(completion, answers, include_usage=include_usage))
        else:
            await _give(asked, engine, answers, whole=chat_answer.whole_answer(completion, answers, logprobs=bool(request.logprobs)))

    async def _completions(self, asked: Asked) -> None:
        request = await asked.body(completions.CompletionRequest)
        orders = completions.orders_of(request)
        engine = await self._pool.engine(request.model)
        answers = self._answers(asked, engine, orders)
        text = completions.Text(engine.name)
        if request.stream:
            include_usage = bool(request.stream_options and request.stream_options.include_usage)
            await _give(asked, engine, answers, frames=text.frames(answers, include_usage=include_usage))
        else:
            await _give(asked, engine, answers, whole=text.whole(answers))

    async def _responses(self, asked: Asked) -> None:
        request = await asked.body(responses.ResponsesRequest)
        order = responses.order_of(request)
        engine = await self._pool.engine(request.model)
        answers = self._answers(asked, engine, [order], is_batch=request.service_tier == "flex")
        response = Response(engine.name, request)
        if request.stream:
            await _give(asked, engine, answers, frames=response.events(answers[0]))
        else:
            await _give(asked, engine, answers, whole=response.whole(answers[0]))

    async def _messages(self, asked: Asked) -> None:
        request = await asked.body(messages.MessagesRequest)
        order = messages.order_of(request)
        engine = await self._pool.engine(request.model)
        answers = self._answers(asked, engine, [order])
        reply = messages.Reply(engine.name)
        if request.stream:
            await _give(asked, engine, answers, frames=reply.events(answers[0]))
        else:
            await _give(asked, engine, answers, whole=reply.whole(answers[0]))

    async def _count(self, asked: Asked) -> None:
        request = await asked.body(messages.CountRequest)
        order = messages.order_of(request)
        engine = await self._pool.engine(request.model)
        answer = engine.generate(order, asked.caller.name)
        try:
            async for pieces in answer:
                if isinstance(end := pieces[-1], Finished):
                    await asked.json(200, {"input_tokens": end.prompt_tokens})
                    return
        finally:
            await close(answer)

    async def _embeddings(self, asked: Asked) -> None:
        request = await asked.body(embeddings.EmbeddingsRequest)
        order = embeddings.order_of(request)
        engine = await self._pool.engine(request.model, for_vectors=True)

        async def whole() -> bytes:
            found = await engine.once(order, asked.caller.name)
            assert isinstance(found, Vectors)
            return embeddings.body_of(request, engine.name, found)

        await _give(asked, engine, [], whole=whole())

    async def _tokenize(self, asked: Asked) -> None:
        request = await asked.body(embeddings.TokenizeRequest)
        order = embeddings.tokenize_order_of(request)
        engine = await self._pool.engine(request.model)
        found = await engine.once(order, asked.caller.name)
        assert isinstance(found, Tokens)
        limit = engine.loaded.context_length if engine.loaded else 0
        await asked.json(200, {"tokens": found.ids, "count": len(found.ids), "max_model_len": limit, "model": engine.name})

    def _answers(self, asked: Asked, engine: Engine, orders: list[Generate], *, is_batch: bool = False) -> Answers:
        caller = asked.caller.name
        return [self._metrics.watch(engine.generate(order, caller, is_batch=is_batch), engine.name, caller) for order in orders]


async def _give(
    asked: Asked,
    engine: Engine,
    answers: Answers,
    *,
    frames: AsyncIterator[bytes] | None = None,
    whole: Coroutine[Any, Any, bytes] | None = None,
) -> None:
    headers = [(b"x-lmx-model", engine.name.encode())]
    await respond(asked.receive, asked.send, asked.path, headers, [*answers], frames=frames, whole=whole)
