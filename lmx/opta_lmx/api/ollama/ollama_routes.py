"""The routes of Ollama's API. Those that generate are inference routes; the others tell about models, or are refused with a remedy."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec

from opta_core.errors import Refused

from ...ipc.messages import Vectors
from ...models.engine_pool import EnginePool
from ...models.model_catalog import Model
from ..embeddings import vectors_of
from ..request_body import Ignored
from ..routes import InferenceApi, InferenceReply, InferenceRoute
from . import ollama_models
from . import ollama_requests as requests
from .ollama_answers import OllamaAnswer, loaded_body

NDJSON = b"application/x-ndjson"
# Routes that change what is on the disk: (method, path) -> what to do instead.
_CHANGES = {
    ("POST", "/api/pull"): "Downloads are confirmed by a person: opta models pull OWNER/NAME",
    ("POST", "/api/push"): "LMX uploads nothing.",
    ("POST", "/api/create"): "Put a model folder into models/ of the home directory, or pull one: opta models pull OWNER/NAME",
    ("POST", "/api/copy"): "Give a model a second name: opta config set lmx.aliases '[\"other=NAME\"]'",
    ("DELETE", "/api/delete"): "Remove its folder from models/ of the home directory; unload it first: opta models unload NAME",
}


class OllamaApi:
    """`inference`: path of a POST -> route. `reads`: (method, path) -> the function from a request's body to that of its answer.

    `refused`: (method, path) -> what to do instead.
    """

    def __init__(self, pool: EnginePool, api: InferenceApi):
        self._pool, self._api = pool, api
        self.inference: dict[str, InferenceRoute] = {
            "/api/chat": InferenceRoute(requests.OllamaChatRequest, requests.CHAT_RULES, self._chat),
            "/api/generate": InferenceRoute(requests.OllamaGenerateRequest, requests.GENERATE_RULES, self._generate),
            "/api/embed": InferenceRoute(requests.OllamaEmbedRequest, requests.EMBED_RULES, self._embed),
            "/api/embeddings": InferenceRoute(requests.OllamaEmbedRequest, requests.EMBED_RULES, self._embeddings),
        }
        self.reads: dict[tuple[str, str], Callable[[dict[str, Any]], Awaitable[Any]]] = {
            ("GET", "/api/version"): self._version,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/ps"): self._running,
            ("POST", "/api/show"): self._show,
        }
        self.refused = _CHANGES

    async def _chat(self, request: requests.OllamaChatRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        order, _ = requests.chat_order(request, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))
        if not request.messages:
            return InferenceReply(engine.name, _once(loaded_body(engine.name, is_chat=True)))
        form = OllamaAnswer(engine.name, is_chat=True)
        return self._api.reply(engine, [order], caller, form, is_stream=request.stream, media_type=NDJSON)

    async def _generate(self, request: requests.OllamaGenerateRequest, caller: str, found: Ignored) -> InferenceReply:
        found.blindness = await self._pool.blindness(request.model)
        order = requests.generate_order(request, found)
        engine = await self._pool.engine(request.model, with_pictures=bool(found.pictures))
        if not request.prompt and not request.system and not found.pictures:
            return InferenceReply(engine.name, _once(loaded_body(engine.name, is_chat=False)))
        form = OllamaAnswer(engine.name, is_chat=False)
        return self._api.reply(engine, [order], caller, form, is_stream=request.stream, media_type=NDJSON)

    async def _embed(self, request: requests.OllamaEmbedRequest, caller: str, found: Ignored) -> InferenceReply:
        return await self._vectors(request, caller, is_older=False)

    async def _embeddings(self, request: requests.OllamaEmbedRequest, caller: str, found: Ignored) -> InferenceReply:
        return await self._vectors(request, caller, is_older=True)

    async def _vectors(self, request: requests.OllamaEmbedRequest, caller: str, *, is_older: bool) -> InferenceReply:
        order = requests.embed_order(request)
        engine = await self._pool.engine(request.model, for_vectors=True)

        async def content() -> AsyncGenerator[bytes, None]:
            found = await engine.once(order, caller)
            assert isinstance(found, Vectors)
            vectors = vectors_of(found, request.dimensions)
            body: dict[str, Any] = {"model": engine.name, "embeddings": vectors, "prompt_eval_count": found.prompt_tokens}
            yield msgspec.json.encode({"embedding": vectors[0]} if is_older else body)

        return InferenceReply(engine.name, content())

    async def _version(self, body: dict[str, Any]) -> Any:
        return {"version": ollama_models.VERSION}

    async def _tags(self, body: dict[str, Any]) -> Any:
        return {"models": await asyncio.to_thread(ollama_models.tag_entries, list(self._pool.catalog.models.values()))}

    async def _running(self, body: dict[str, Any]) -> Any:
        loaded = [
            (self._pool.catalog.models[name], engine) for name, engine in self._pool.engines.items() if name in self._pool.catalog.models
        ]
        return {"models": [ollama_models.running_entry(model, engine, self._pool.idle_s) for model, engine in loaded if engine.loaded]}

    async def _show(self, body: dict[str, Any]) -> Any:
        model = self._known(body.get("model") or body.get("name"))
        return await asyncio.to_thread(ollama_models.shown, model)

    def _known(self, name: Any) -> Model:
        if not isinstance(name, str):
            raise Refused("Field 'model': the name of a model.")
        return self._pool.catalog.named(name).model


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
