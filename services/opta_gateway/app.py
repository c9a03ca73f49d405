"""The gateway's ASGI application: wiring only.

Health, hello and the live streams need no FastAPI and are answered at once. The REST routes are mounted when FastAPI is imported, which
takes half a second.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from opta_core.background import Background
from opta_core.bus.bus import Bus
from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import Log
from opta_core.settings import LiveSettings, LoadedSettings
from opta_core.triage.clock_anchor import ClockAnchor
from opta_core.usage.usage_count import UsageCount
from opta_core.version import VERSION
from opta_http.asgi import App, Receive, Scope, Send, TrackedSend, query_of, send_response
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_daemon import Contract, Health, Metrics
from opta_protocol.http_triage import Diagnosis

from . import stream
from .agent_client import AgentClient
from .bench_runs import ModelBenches
from .error_responses import refuse
from .live_metrics import LiveMetrics, measure
from .live_streams import LiveStreams
from .provider_looks import ProviderLooks
from .remote_lmx import RemoteLmx, reader
from .store_access import StoreAccess
from .telemetry import TelemetryReports
from .token_auth import Auth
from .worker_client import WorkerClient

REST_READY_S = 30.0
T = TypeVar("T")

log = Log("gateway")


class Gateway:
    """What the routes share: access to the other processes, the token, the settings, and this daemon's identity."""

    def __init__(self, bus: Bus, boot: str, auth: Auth, loaded: LoadedSettings, port: int):
        self.store, self.telemetry = StoreAccess(bus, boot), TelemetryReports(bus)
        self.worker, self.agent = WorkerClient(bus), AgentClient(bus)
        self.streams = LiveStreams(self.store)
        self.auth, self.loaded, self.port = auth, loaded, port
        # The settings of now, where a change needs no restart.
        self.settings = LiveSettings(loaded.settings, loaded.paths)
        self.looks = ProviderLooks()
        # The last diagnoses, by session.
        self.diagnoses: OrderedDict[str, Diagnosis] = OrderedDict()
        self.clock = ClockAnchor()
        # Since when reports of other processes arrive (`clock.now_s`); and held while a probe turn runs.
        self.listening_since = now_s()
        self.probing = asyncio.Lock()
        # What goes on after its request was answered.
        self.background = Background()
        # What sessions used, as far as it was counted; `counting` is held while it is counted.
        self.usage, self.counting = UsageCount(loaded.paths), asyncio.Lock()
        # Held while files of the home are changed.
        self.changing = asyncio.Lock()
        self.daemon_id = hashlib.sha256(str(loaded.paths.home).encode()).hexdigest()[:12]
        self.started = time.monotonic()
        self.remote_lmx = RemoteLmx(reader(loaded.paths))
        self.benches = ModelBenches(loaded.paths)
        self.metrics = LiveMetrics(self.measure, lambda: self.health(is_authenticated=True))
        self._rest: App | None = None
        self._rest_ready = asyncio.Event()

    async def change(self, write: Callable[..., T], *arguments: Any) -> T:
        """Call `write`, which changes files of this home, in a thread. One change at a time, so that none is lost."""
        async with self.changing:
            return await asyncio.to_thread(write, *arguments)

    @property
    def now(self) -> LoadedSettings:
        """The settings of now with their paths; while config.toml is not valid, the last valid ones."""
        return msgspec.structs.replace(self.loaded, settings=self.settings())

    def mount(self, rest: App) -> None:
        """The REST routes are imported; requests that waited for them go on."""
        self._rest = rest
        self._rest_ready.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry, behind the guard."""
        tracked = TrackedSend(send)
        try:
            await self._dispatch(scope, receive, tracked)
        except OptaError as error:
            if not tracked.has_begun:
                await refuse(scope, send, error)
        except Exception:  # a bug is logged and answered with 503, never with a traceback
            log.exception("request failed", path=scope["path"])
            if not tracked.has_begun:
                await refuse(
                    scope,
                    send,
                    OptaError("The daemon failed on this request. The log has more: opta daemon logs.", code=ErrorCode.unavailable),
                )

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if stream.is_stream(scope) and (scope["type"] == "websocket" or scope["path"] != "/v3/events" or _wants_events(scope)):
            await stream.serve(scope, receive, send, self.store, self.streams, self.metrics)
        elif scope["type"] == "websocket":
            raise Refused("There is no stream at this path.", code=ErrorCode.not_found)
        elif raw := _RAW.get(scope["path"]):
            if scope["method"] not in ("GET", "HEAD"):
                raise Refused("Only GET is answered here.", code=ErrorCode.method_not_allowed)
            status, body = raw(self, scope)
            await _answer(scope, send, status, msgspec.json.encode(body))
        else:
            try:
                async with asyncio.timeout(REST_READY_S):
                    await self._rest_ready.wait()
            except TimeoutError:
                raise Unavailable("The gateway still starts: this machine is busy. Try again in a moment.") from None
            assert self._rest is not None
            await self._rest(scope, receive, send)

    async def measure(self) -> Metrics:
        """The metrics of now. Raises Unavailable when the store does not answer."""
        return await measure(self.store, self.telemetry, self.streams, self.remote_lmx.figures(self.settings()))

    def health(self, *, is_authenticated: bool) -> Health:
        """The answer of /v3/health; services, sandbox and providers only with the token."""
        health = Health(
            status="ok",
            version=VERSION,
            daemonId=self.daemon_id,
            uptime=round(time.monotonic() - self.started, 1),
            contract=Contract(name="opta-daemon-v3", version=1),
        )
        if not is_authenticated:
            return health
        services = {
            name: {"ready": (report := self.telemetry.report(name)) is not None and report.ready}
            for name in ("gateway", "agent", "sessions", "tools", "lmx", "desktop")
        }
        settings = self.settings()
        active = settings.default_model.partition("/")[0]
        names = {"lmx": "lmx", **{name: provider.type for name, provider in settings.providers.items()}}
        providers = [{"name": name, "type": kind, "active": name == active} for name, kind in names.items()]
        return msgspec.structs.replace(health, services=services, sandbox=self.telemetry.sandbox, providers=providers)


def _wants_events(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value for name, value in scope["headers"]) or scope["path"] == "/v3/events"


def _healthz(gateway: Gateway, scope: Scope) -> tuple[int, object]:
    return 200, {"status": "ok"}


def _readyz(gateway: Gateway, scope: Scope) -> tuple[int, object]:
    reasons = gateway.telemetry.not_ready()
    return (503, {"status": "not ready", "services": reasons}) if reasons else (200, {"status": "ready"})


def _hello(gateway: Gateway, scope: Scope) -> tuple[int, object]:
    nonce = query_of(scope).get("n", [""])[0]
    if not 8 <= len(nonce) <= 200:
        raise Refused("Give a nonce of 8 to 200 characters: /v3/hello?n=…", code=ErrorCode.bad_request)
    return 200, {"proof": gateway.auth.prove(nonce)}


def _health(gateway: Gateway, scope: Scope) -> tuple[int, object]:
    health = msgspec.to_builtins(gateway.health(is_authenticated=scope.get("opta.authenticated", False)))
    return 200, {key: value for key, value in health.items() if value is not None}


_RAW: dict[str, Callable[[Gateway, Scope], tuple[int, object]]] = {
    "/healthz": _healthz,
    "/readyz": _readyz,
    "/v3/hello": _hello,
    "/v3/health": _health,
}


async def _answer(scope: Scope, send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send_response(send, status, headers, body, is_head=scope["method"] == "HEAD")
