"""LMX in the test's own process: the real HTTP application, pool and APIs over an engine without a child process.

A sync httpx2 client reaches it without a socket; the application and its engines run in the thread of one event loop.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import httpx2

from opta_core.lmx_settings import LmxSettings
from opta_lmx.engine_client.client import Report
from opta_lmx.engine_client.in_process import InProcessEngine, LocalEngine, SendMessages
from opta_lmx.ipc.messages import (
    Cancel,
    Delta,
    Embed,
    EngineConfig,
    EngineMessage,
    Failed,
    Finished,
    Generate,
    Loaded,
    Ping,
    ToEngine,
    Tokenize,
    Tokens,
    Vectors,
)  # fmt: skip
from opta_lmx.models.download.pulls import Pulls
from opta_lmx.models.engine_pool import EnginePool
from opta_lmx.models.found.sources import Source
from opta_lmx.models.model_events import ModelEvents
from opta_lmx.server.admin import Admin
from opta_lmx.server.app import Front
from opta_lmx.server.auth import AccessControl
from opta_lmx.server.keys import Keys
from opta_lmx.server.metrics import LmxMetrics
from opta_lmx.server.pairing import Pairing
from opta_lmx.server.status_page import PATHS
from support.limits import limit_s

URL = "http://127.0.0.1:1234"
MakeEngine = Callable[[EngineConfig, SendMessages], LocalEngine]


class ScriptedEngine:
    """An engine that plays a script: one message per step. `play` gives the messages for an order of work."""

    def __init__(self, send: SendMessages, play: Callable[[Any], list[EngineMessage]] | None = None):
        self._send, self._play = send, play or hello
        self._pending: list[EngineMessage] = []
        self.orders: list[ToEngine] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._pending)

    def loaded(self) -> Loaded:
        return Loaded(pid=1, seconds=0.1, context_length=4096, running=len(self._pending))

    def take(self, order: ToEngine, size: int) -> None:
        self.orders.append(order)
        match order:
            case Ping():
                self._send([self.loaded()])
            case Cancel(id=id_):
                self._pending = [message for message in self._pending if getattr(message, "id", 0) != id_]
            case Generate() | Embed() | Tokenize():
                self._pending += self._play(order)
            case _:
                pass

    def step(self) -> None:
        self._send([self._pending.pop(0)])


def hello(order: Any) -> list[EngineMessage]:
    """Hello to a conversation, a unit vector for each text, a token for each character."""
    match order:
        case Embed(id=id_, texts=texts):
            return [Vectors(id=id_, vectors=["AACAPwAAAAA="] * len(texts), prompt_tokens=len(texts))]
        case Tokenize(id=id_, text=text):
            return [Tokens(id=id_, ids=[ord(character) for character in text])]
        case _:
            end = Finished(id=order.id, finish="stop", prompt_tokens=7, completion_tokens=2 if order.max_tokens else 0)
            return [Delta(id=order.id, text="Hel"), Delta(id=order.id, text="lo"), end] if order.max_tokens else [end]


def failure(order: Any, code: str, message: str) -> list[EngineMessage]:
    """A piece of an answer, then an error."""
    return [Delta(id=order.id, text="Hel"), Failed(id=order.id, code=code, message=message)]


def mlx_engine(config: EngineConfig, send: SendMessages) -> LocalEngine:
    """The real engine of a model folder."""
    from opta_lmx.engine.mlx_engine import MlxEngine

    return MlxEngine(config, send)


class InProcessLmx(httpx2.BaseTransport):
    """A transport to LMX on the loop of another thread. Made by `in_process_lmx`."""

    def __init__(self, app: Front, pool: EnginePool, keys: Keys, loop: asyncio.AbstractEventLoop):
        self.app, self.pool, self.keys, self._loop = app, pool, keys, loop
        self._transport = httpx2.ASGITransport(app)  # type: ignore[arg-type]

    def call(self, work: Any) -> Any:
        """Run a coroutine on LMX's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit_s(60))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; a stream is read to its end first."""
        return self.call(self._handle(request))

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        # The transport wants an async body.
        forwarded = httpx2.Request(request.method, request.url, headers=request.headers, content=request.read())
        response = await self._transport.handle_async_request(forwarded)
        return httpx2.Response(response.status_code, headers=response.headers, content=await response.aread())

    def client(self, key: str = "") -> httpx2.Client:
        """A client of it."""
        return httpx2.Client(transport=self, base_url=URL, headers={"Authorization": f"Bearer {key}"} if key else {})


@contextlib.contextmanager
def in_process_lmx(
    home: Path,
    make: MakeEngine | None = None,
    settings: LmxSettings | None = None,
    *,
    allows_anonymous: bool = True,
    sources: Sequence[Source] = (),
) -> Generator[InProcessLmx]:
    """LMX with the models under `home/models` and in `sources`. `make`: its engines (default: scripted ones). `allows_anonymous`: bound to loopback."""
    pool_settings = settings or LmxSettings()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lmx", daemon=True)
    thread.start()
    (home / "models").mkdir(exist_ok=True)
    (home / "lmx").mkdir(exist_ok=True)
    engines = make or (lambda config, send: ScriptedEngine(send))

    async def build() -> InProcessLmx:
        events, keys = ModelEvents(), Keys(home / "lmx")
        keys.admin_key()

        def client(config: EngineConfig, report: Report) -> InProcessEngine:
            return InProcessEngine(config.name, report, lambda send: engines(config, send))

        pool = EnginePool(home / "models", pool_settings, events, make_client=client, sources=sources)
        metrics = LmxMetrics()
        admin = Admin(pool, Pulls(home / "models", "", events), events, Pairing(keys, ""), keys, metrics)
        guard = AccessControl({"127.0.0.1:1234"}, keys, allows_anonymous=allows_anonymous, origins=pool_settings.origins, open_paths=PATHS)
        return InProcessLmx(Front(pool, guard, metrics, admin), pool, keys, loop)

    made = asyncio.run_coroutine_threadsafe(build(), loop).result(limit_s(10))
    try:
        yield made
    finally:
        made.call(made.pool.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(limit_s(10))
        loop.close()
