"""The gateway's whole application on a LocalBus with a real store: its guard, its routes and its streams, without a process or a socket."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from opta_core.paths import Paths
from opta_core.settings import LoadedSettings, Settings
from opta_gateway.app import Gateway
from opta_gateway.page_origins import PageOrigins
from opta_gateway.request_guard import RequestGuard
from opta_gateway.rest import build
from opta_gateway.token_auth import Auth
from opta_protocol.service_telemetry import Telemetry
from opta_protocol.topics import telemetry
from support.raw_http import Answer, Headers
from support.store import House

PORT, PAGE_PORT = 4321, 4322
T = TypeVar("T")


class LocalGateway:
    """`with LocalGateway(folder) as gateway:`; requests run on a loop of this thread, one after the other."""

    def __init__(self, folder: Path, settings: Settings | None = None):
        self.home, self.workspace = folder / "home", folder / "work"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.paths = Paths(self.home, self.home / "daemon")
        self.paths.make()
        self.settings = settings or Settings(daemon=msgspec.structs.replace(Settings().daemon, ui_port=PAGE_PORT))
        # What asyncio had to report because nobody else did: exceptions of tasks that no one awaited.
        self.unhandled: list[dict[str, Any]] = []
        self._runner = asyncio.Runner()

    def __enter__(self) -> "LocalGateway":
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self._runner.close()

    async def _start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.unhandled.append(context))
        self.house = House(self.paths.daemon)
        self.auth = Auth()
        loaded = LoadedSettings(settings=self.settings, paths=self.paths, origins={})
        self.gateway = Gateway(self.house.bus, "gate1111", self.auth, loaded, PORT)
        self.gateway.mount(build(self.gateway))  # type: ignore[arg-type]
        self.app = RequestGuard(self.gateway, self.auth, PORT, PageOrigins(self.paths, PAGE_PORT))
        # Threads for file access exist from now on, so that a test which watches files does not see them start.
        await asyncio.to_thread(threading.get_ident)

    async def _stop(self) -> None:
        self.gateway.streams.close()
        self.gateway.store.outbox.close()
        self.house.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something on this gateway's loop."""
        return self._runner.run(work)

    # requests ---------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        target: str,
        *more: tuple[str, str],
        body: bytes = b"",
        token: str | None = "right",
        host: str | None = f"127.0.0.1:{PORT}",
    ) -> Answer:
        """One request. `token` and `host` None leave the header out."""
        return self.run(self.asking(method, target, *more, body=body, token=token, host=host))

    async def asking(
        self,
        method: str,
        target: str,
        *more: tuple[str, str],
        body: bytes = b"",
        token: str | None = "right",
        host: str | None = f"127.0.0.1:{PORT}",
    ) -> Answer:
        """The same, on the loop."""
        headers = self.headers(token, host)
        if body and not any(name.lower() == "content-length" for name, _ in more):
            headers.append(("Content-Length", str(len(body))))
        scope = {**_scope("http", target, [*headers, *more]), "method": method}
        bodies = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return bodies.pop(0) if bodies else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return _answer_of(sent)

    def handshake(self, target: str, *more: tuple[str, str], token: str | None = None, subprotocols: tuple[str, ...] = ()) -> Answer:
        """A WebSocket handshake that is refused."""
        scope = {**_scope("websocket", target, [*self.headers(token), *more]), "subprotocols": list(subprotocols)}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        self.run(self.app(scope, receive, send))  # type: ignore[arg-type]
        return _answer_of(sent)

    def headers(self, token: str | None = "right", host: str | None = f"127.0.0.1:{PORT}") -> Headers:
        """Host and Authorization; None leaves one out."""
        found = [("Host", host)] if host is not None else []
        if token is not None:
            found.append(("Authorization", f"Bearer {self.auth.token if token == 'right' else token}"))
        return found

    def get(self, target: str, *more: tuple[str, str], token: str | None = "right", host: str | None = f"127.0.0.1:{PORT}") -> Answer:
        """A GET."""
        return self.ask("GET", target, *more, token=token, host=host)

    def post(
        self, target: str, body: bytes | dict[str, Any], *more: tuple[str, str], method: str = "POST", kind: str = "application/json"
    ) -> Answer:
        """A request with a body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(method, target, *([("Content-Type", kind)] if kind else []), *more, body=content)

    # the world around it ----------------------------------------------------------------------------

    def session(self, **fields: Any) -> str:
        """A new session in the workspace."""
        answer = self.post("/v3/sessions", {"cwd": str(self.workspace), **fields})
        assert answer.status == 201, answer
        return str(answer.json()["id"])

    def report(self, service: str, *, is_ready: bool = True, reason: str = "", **figures: Any) -> None:
        """A process says how it is."""
        said = Telemetry(service=service, boot="boot0000", pid=1, ready=is_ready, reason=reason, memory=1, figures=figures)

        async def publish() -> None:
            self.house.bus.publisher(telemetry(service)).publish([service.encode(), msgspec.json.encode(said)])
            await asyncio.sleep(0)

        self.run(publish())

    def stored(self) -> dict[str, bytes]:
        """Every journal's bytes."""
        return {file.name: file.read_bytes() for file in self.paths.sessions.glob("*.jsonl")}

    @contextlib.contextmanager
    def untouched(self) -> Generator[None]:
        """Nothing is made or changed meanwhile, neither in the home nor in the workspace."""
        before = self._world()
        yield
        assert self._world() == before

    def _world(self) -> dict[str, bytes]:
        index = self.paths.sessions / "index.lines"  # written beside the work, from the journals
        files = [*self.home.rglob("*"), *self.workspace.rglob("*")]
        return {str(file): file.read_bytes() for file in files if file.is_file() and file != index}


def _scope(kind: str, target: str, headers: Headers) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", PORT),
    }


def _answer_of(sent: list[dict[str, Any]]) -> Answer:
    headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
