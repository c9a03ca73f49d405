"""The admin routes: models, downloads, events, keys and pairing. Their answers are the Structs of `opta_protocol.lmx`."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qs

import msgspec

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxEvent, LmxKey, LmxKeyRemoved, LmxKeys, LmxModels, LmxNewKey, LmxProof, LmxUnloaded

from ..api.request_body import RequestBody
from ..models import model_catalog
from ..models.download.pulls import Pulls
from ..models.engine_pool import EnginePool
from ..models.model_events import ModelEvents
from .delivery import send_stream
from .keys import Keys
from .metrics import LmxMetrics
from .pairing import BeginRequest, Pairing, PairRequest
from .sse import Asked

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class LoadRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/models/load. `pin`: keep the model loaded until it is unloaded; `wait`: answer once it is loaded."""

    model: Name
    pin: bool = False
    wait: bool = True


class UnloadRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/models/unload."""

    model: Name


class AvailableRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/models/available: what a pull of this repository would fetch."""

    repo: Name
    revision: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^([A-Za-z0-9][\w./-]*)?$")] = ""
    # For a gated or private repository. Used for this request only, and never stored.
    token: Annotated[str, msgspec.Meta(max_length=500)] = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(repo={self.repo!r})"


class PullRequest(AvailableRequest, frozen=True, kw_only=True):
    """The body of /admin/models/pull. `name`: the model's name here (default: the last part of `repo`)."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class PauseRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/models/pull/pause: the name of the download. Pulling the same model again continues it."""

    name: Name


class AddKeyRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/keys. `admin`: the key may also load, unload and pull models."""

    name: Name
    admin: bool = False


class RemoveKeyRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/keys/remove."""

    name: Name


class Admin:
    """`routes`: (method, path) -> handler."""

    def __init__(self, pool: EnginePool, pulls: Pulls, events: ModelEvents, pairing: Pairing, keys: Keys, metrics: LmxMetrics):
        self._pool, self._pulls, self._event_log, self._pairing, self._keys, self._metrics = pool, pulls, events, pairing, keys, metrics
        self.routes: dict[tuple[str, str], Callable[[Asked], Awaitable[None]]] = {
            ("GET", "/proof"): self._prove,
            ("GET", "/admin/models"): self._models,
            ("POST", "/admin/models/load"): self._load,
            ("POST", "/admin/models/unload"): self._unload,
            ("POST", "/admin/models/available"): self._available,
            ("POST", "/admin/models/pull"): self._pull,
            ("POST", "/admin/models/pull/pause"): self._pause,
            ("GET", "/admin/events"): self._events,
            ("GET", "/admin/keys"): self._list_keys,
            ("POST", "/admin/keys"): self._add_key,
            ("POST", "/admin/keys/remove"): self._remove_key,
            ("POST", "/admin/pairing"): self._show_code,
            ("POST", "/pair"): self._pair,
        }

    async def _prove(self, asked: Asked) -> None:
        nonce = parse_qs(asked.scope.get("query_string", b"").decode("latin-1")).get("n", [""])[0]
        if not 8 <= len(nonce) <= 200 or not nonce.isascii():
            raise Refused("Give a nonce of 8 to 200 characters: /proof?n=…", code=ErrorCode.bad_request)
        # The port of this connection is part of the proof: another program cannot forward the proof of another LMX.
        await asked.json(200, LmxProof(proof=self._keys.prove(nonce, asked.scope["server"][1])))

    async def _models(self, asked: Asked) -> None:
        known = (await self._pool.catalog.refresh()).values()
        models = [msgspec.structs.replace(self._pool.details(model), speed=self._metrics.speed(model.name)) for model in known]
        await asked.json(200, LmxModels(models=models, memory=self._pool.memory(), pulls=self._pulls.entries()))

    async def _load(self, asked: Asked) -> None:
        request = await asked.body(LoadRequest)
        model_catalog.check_name(request.model)
        engine = await self._pool.load(request.model, pin=request.pin)
        if request.wait:
            await engine.until_loaded()
        await asked.json(200, self._pool.details_of(engine))

    async def _unload(self, asked: Asked) -> None:
        request = await asked.body(UnloadRequest)
        if not await self._pool.unload(request.model):
            raise Refused(f"{request.model[:80]!r} is not loaded.", code=ErrorCode.not_found)
        await asked.json(200, LmxUnloaded(unloaded=request.model))

    async def _available(self, asked: Asked) -> None:
        request = await asked.body(AvailableRequest)
        _check_repo(request.repo)
        await asked.json(200, await self._pulls.look(request.repo, request.revision, request.token))

    async def _pull(self, asked: Asked) -> None:
        request = await asked.body(PullRequest)
        _check_repo(request.repo)
        name = request.name or request.repo.rpartition("/")[2]
        model_catalog.check_name(name)
        if "/" in name:
            raise Refused("Field 'name': a model name must not contain a slash.")
        if name.endswith(".part"):
            raise Refused("Field 'name': names that end in .part belong to unfinished downloads.")
        await asked.json(202, self._pulls.start(request.repo, name, request.revision, request.token))

    async def _pause(self, asked: Asked) -> None:
        request = await asked.body(PauseRequest)
        await asked.json(200, await self._pulls.pause(request.name))

    async def _events(self, asked: Asked) -> None:
        asks = parse_qs(asked.scope.get("query_string", b"").decode("latin-1")).get("after", ["0"])[0]
        after = int(asks) if asks.isdecimal() and len(asks) < 16 else 0

        async def frames() -> AsyncGenerator[bytes, None]:
            # Send the head at once, so that the client knows that it is connected.
            yield b": here\n\n"
            async for event in self._event_log.watch(after):
                yield b": waiting\n\n" if event is None else _frame(event)

        await send_stream(asked, frames(), [])

    async def _list_keys(self, asked: Asked) -> None:
        keys = [LmxKey(name=key.name, scopes=key.scopes, created=key.created) for key in self._keys.known()]
        await asked.json(200, LmxKeys(keys=keys))

    async def _add_key(self, asked: Asked) -> None:
        request = await asked.body(AddKeyRequest)
        key = await asyncio.to_thread(self._keys.add, request.name, ["infer", "admin"] if request.admin else ["infer"])
        await asked.json(200, LmxNewKey(name=request.name, key=key))

    async def _remove_key(self, asked: Asked) -> None:
        request = await asked.body(RemoveKeyRequest)
        await asyncio.to_thread(self._keys.remove, request.name)
        await asked.json(200, LmxKeyRemoved(removed=request.name))

    async def _show_code(self, asked: Asked) -> None:
        await asked.json(200, self._pairing.begin(await asked.body(BeginRequest)))

    async def _pair(self, asked: Asked) -> None:
        await asked.json(200, self._pairing.advance(await asked.body(PairRequest)))


def _check_repo(repo: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", repo) or ".." in repo:
        raise Refused(f"Field 'repo': {repo[:80]!r} is not of the form OWNER/NAME.")


def _frame(event: LmxEvent) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.number, event.event.encode(), msgspec.json.encode(event))
