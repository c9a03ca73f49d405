"""The status page at LMX's address, and the figures that it shows.

The page and its files hold no data, so they are served without a key. The figures are at `/status`, which needs a key wherever
LMX needs one. Nothing of another origin is loaded, and no other page can embed this one.
"""

from pathlib import Path
from typing import Any

from opta_http.asgi import Headers

from ..models.engine_pool import EnginePool
from .metrics import LmxMetrics
from .sse import Asked, send_body

_FOLDER = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/page/tokens.css": ("tokens.css", b"text/css; charset=utf-8"),
    "/page/status.css": ("status.css", b"text/css; charset=utf-8"),
    "/page/status.js": ("status.js", b"text/javascript; charset=utf-8"),
}
PATHS = frozenset(_FILES)
_POLICY = b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
GUARDS: Headers = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
]


class StatusPage:
    """Serves the page's files, read once, and the figures."""

    def __init__(self, pool: EnginePool, metrics: LmxMetrics):
        self._pool, self._metrics = pool, metrics
        self._contents = {path: ((_FOLDER / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}

    async def file(self, asked: Asked) -> None:
        """Answer with a file of the page."""
        content, kind = self._contents[asked.path]
        await send_body(asked.send, 200, content, kind, GUARDS)

    async def figures(self, asked: Asked) -> None:
        """Answer with what the page shows now."""
        await asked.json(200, figures_of(self._pool, self._metrics))


def figures_of(pool: EnginePool, metrics: LmxMetrics) -> dict[str, Any]:
    """Models, memory, requests, speed, and totals per client. Bytes and tokens."""
    details = [pool.details(model) for model in pool.catalog.models.values()]
    shown = ("id", "state", "default", "context_length", "bytes", "memory", "running", "problem")
    return {
        "models": [{name: getattr(model, name) for name in shown} for model in details],
        "memory": pool.memory(),
        "requests": {
            "running": pool.running,
            "waiting": sum(engine.waiting for engine in pool.engines.values()),
            "total": metrics.total("requests"),
            "failed": metrics.total("failures"),
        },
        "tokens": {kind: metrics.total(kind) for kind in ("prompt", "cached", "completion")},
        "tokens_per_second": metrics.tokens_per_s(),
        "clients": metrics.by_caller(),
    }
