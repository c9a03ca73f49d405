"""LMX's ASGI application: HTTP requests in, engine messages out. It imports neither mlx nor transformers, so it starts fast."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import Log
from opta_http.asgi import Receive, Scope, Send, TrackedSend, without_body
from opta_protocol.error_info import ErrorCode

from ..api import lm_studio
from ..models.engine_pool import EnginePool
from . import status_page
from .admin import Admin
from .auth import AccessControl
from .cors import answer_preflight, with_origin
from .inference import Inference
from .metrics import LmxMetrics
from .openapi import description
from .sse import Asked, send_body, send_error

Handler = Callable[[Asked], Awaitable[None]]

log = Log("front")


class Front:
    """The ASGI application."""

    def __init__(self, pool: EnginePool, guard: AccessControl, metrics: LmxMetrics, admin: Admin):
        self._pool, self._guard, self.metrics = pool, guard, metrics
        # Set when LMX is to stop: requests in progress end, new ones are refused.
        self.is_draining = False
        self.inference = Inference(pool, metrics)
        page = status_page.StatusPage(pool, metrics)
        self._routes: dict[tuple[str, str], Handler] = {
            **{("GET", path): page.file for path in status_page.PATHS},
            ("GET", "/status"): page.figures,
            ("GET", "/healthz"): self._healthz,
            ("GET", "/health"): self._healthz,
            ("GET", "/readyz"): self._readyz,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/openapi.json"): self._openapi,
            ("GET", "/v1/models"): self._models,
            ("GET", "/models"): self._models,
            ("GET", "/api/v0/models"): self._lm_studio_models,
            **{("POST", path): handler for path, handler in self.inference.routes.items()},
            **{key: _reading(read) for key, read in self.inference.ollama.reads.items()},
            **{key: _refusing(key[1], remedy) for key, remedy in self.inference.ollama.refused.items()},
            **admin.routes,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            raise RuntimeError("LMX speaks HTTP only")
        if self._guard.origins.may_call(scope):
            send = with_origin(scope, send)
        if scope["method"] == "HEAD":
            send = without_body(send)
        send = tracked = TrackedSend(send)
        try:
            if self._guard.origins.is_preflight(scope):
                self._guard.check_source(scope)
                await answer_preflight(scope, send)
                return
            caller = self._guard.check(scope)
            await self._handler(scope)(Asked(scope, receive, send, caller))
        except OptaError as error:
            if not tracked.has_begun:
                await send_error(send, error, scope["path"])
        except RecursionError:  # a body that could just be decoded may be too deep to be encoded again
            if not tracked.has_begun:
                await send_error(send, Refused("The body is nested too deeply."), scope["path"])
        except Exception:  # a bug is logged and answered with 503, never with a traceback
            log.exception("request failed", path=scope["path"])
            if not tracked.has_begun:
                failed = OptaError("LMX failed on this request; its log has more.", code=ErrorCode.unavailable, retryable=True)
                await send_error(send, failed, scope["path"])

    def _handler(self, scope: Scope) -> Handler:
        method, path = scope["method"], scope["path"]
        if method == "HEAD" and not path.startswith("/admin/"):
            method = "GET"
        if handler := self._routes.get((method, path)):
            if self.is_draining and method == "POST":
                raise Unavailable("LMX is stopping.", retry_after_s=5)
            return handler
        if path.startswith(("/v1/models/", "/api/v0/models/")):
            if method != "GET":
                raise Refused("This path does not take this method.", code=ErrorCode.method_not_allowed)
            return self._lm_studio_model if path.startswith("/api/") else self._model
        if any(known == path for _, known in self._routes):
            raise Refused("This path does not take this method.", code=ErrorCode.method_not_allowed)
        raise Refused(f"There is nothing at {path[:100]}.", code=ErrorCode.not_found)

    async def _healthz(self, asked: Asked) -> None:
        await asked.json(200, {"status": "ok"})

    async def _readyz(self, asked: Asked) -> None:
        engines = list(self._pool.engines.values())
        loaded = next((engine for engine in engines if engine.loaded is not None), None)
        if self.is_draining:
            await asked.json(503, {"status": "not ready", "reason": "LMX is stopping"})
        elif loaded is not None:
            await asked.json(200, {"status": "ready", "model": loaded.name, "pid": loaded.pid})
        else:
            reason = next((engine.problem for engine in engines if engine.problem), "") or f"{self._pool.default} is loading"
            await asked.json(503, {"status": "not ready", "reason": reason})

    async def _metrics(self, asked: Asked) -> None:
        await send_body(asked.send, 200, self.metrics.text(self._pool).encode(), b"text/plain; version=0.0.4")

    async def _openapi(self, asked: Asked) -> None:
        await asked.json(200, description())

    async def _models(self, asked: Asked) -> None:
        await asked.json(200, {"object": "list", "data": self._pool.entries()})

    async def _model(self, asked: Asked) -> None:
        await asked.json(200, self._pool.entry(self._pool.catalog.named(asked.path.removeprefix("/v1/models/"))))

    async def _lm_studio_models(self, asked: Asked) -> None:
        models = [(self._pool.details(model), model) for model in self._pool.catalog.models.values()]
        await asked.json(200, {"object": "list", "data": await asyncio.to_thread(lm_studio.entries, models)})

    async def _lm_studio_model(self, asked: Asked) -> None:
        model = self._pool.catalog.named(asked.path.removeprefix("/api/v0/models/")).model
        (entry,) = await asyncio.to_thread(lm_studio.entries, [(self._pool.details(model), model)])
        await asked.json(200, entry)


def _reading(read: Callable[[dict[str, Any]], Awaitable[Any]]) -> Handler:
    async def handle(asked: Asked) -> None:
        body = await asked.body(dict[str, Any]) if asked.scope["method"] == "POST" else {}
        await asked.json(200, await read(body))

    return handle


def _refusing(path: str, remedy: str) -> Handler:
    async def handle(asked: Asked) -> None:
        raise Refused(f"LMX does not serve {path}. {remedy}", code=ErrorCode.bad_request)

    return handle
