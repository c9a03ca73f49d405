"""The inference routes over HTTP: decode the body, send the answer. The work is done in `opta_lmx.api`."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..api import field_rules
from ..api.ollama.ollama_routes import OllamaApi
from ..api.request_body import Ignored
from ..api.routes import InferenceApi, InferenceRoute
from ..models.engine_pool import EnginePool
from .delivery import send_stream, send_whole
from .metrics import LmxMetrics
from .sse import BODY_BYTES_MAX, Asked

# With base64, 20 MiB of pictures and their conversation; only where a model sees pictures.
PICTURES_BODY_BYTES_MAX = 32 * 1024 * 1024


class Inference:
    """`routes`: path of a POST -> its handler."""

    def __init__(self, pool: EnginePool, metrics: LmxMetrics):
        self.api = InferenceApi(pool, metrics.meter)
        self.ollama = OllamaApi(pool, self.api)
        self.routes = {path: _handler(route, pool) for path, route in (self.api.routes | self.ollama.inference).items()}


def _handler(route: InferenceRoute, pool: EnginePool) -> Callable[[Asked], Awaitable[None]]:
    async def handle(asked: Asked) -> None:
        found = Ignored()
        sees = any(model.sees for model in pool.catalog.models.values())
        content = await asked.body(dict[str, Any], PICTURES_BODY_BYTES_MAX if sees else BODY_BYTES_MAX)
        request = field_rules.read(content, route.body, route.rules, found)
        reply = await route.handle(request, asked.caller.name, found)
        headers = [(b"x-lmx-model", reply.model.encode())]
        if found.names:
            headers.append((b"x-lmx-ignored", field_rules.header_of(found.names).encode()))
        if found.loosened:
            headers.append((b"x-lmx-loosened", field_rules.header_of(found.loosened).encode()))
        if reply.is_stream:
            await send_stream(asked, reply.content, headers, reply.media_type)
        else:
            await send_whole(asked, reply.content, headers)

    return handle
