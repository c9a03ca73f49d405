"""Which provider answers: LMX first, by a health that is checked at most every ten seconds."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused
from opta_core.net.lmx_endpoint import ACCOUNT, Endpoint, challenge_of, key_of
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import Settings
from opta_protocol.error_info import ErrorCode

from .providers.base import Provider
from .providers.openai import OpenAiProvider

HEALTH_S = 10.0
# A restart of our own LMX front takes about a second.
LMX_BACK_S = 6.0


class Route(msgspec.Struct, frozen=True):
    """Where a turn goes; `note` says why it is not what was asked for."""

    provider: Provider
    model: str
    context_limit: int = 0
    # Names of the tools that the model declares it can use; None for one that takes any.
    tools: tuple[str, ...] | None = None
    switched_from: str = ""
    note: str = ""
    # Where to go when this one does not say a word.
    fallback: "Route | None" = None


class Routes(Protocol):
    """What the agent needs of a router."""

    def warm(self) -> None: ...

    def close(self) -> None: ...

    async def route(self, wanted: str) -> Route: ...


class ModelRouter:
    """Owns the providers."""

    def __init__(self, settings: Settings, lmx_endpoint: Callable[[], Endpoint], vault: Vault):
        self._vault = vault
        self._keys_at: object = None
        # Providers whose key was replaced: what they stream goes on.
        self._retired: list[OpenAiProvider] = []
        self._default = settings.default_model
        self._settings = settings
        # LMX chooses its port when it starts, which may be after this process did.
        self._lmx_endpoint = lmx_endpoint
        self._providers: dict[str, OpenAiProvider] = {}
        self._health: dict[str, tuple[float, list[dict[str, Any]], str]] = {}
        self._checking = asyncio.Lock()

    def warm(self) -> None:
        """Make every provider now: the keychain and the first HTTP client cost a quarter of a second. Any thread."""
        for name in self._settings.providers:
            with contextlib.suppress(OptaError):
                self._provider(name)

    def close(self) -> None:
        """Drop every connection."""
        for provider in [*self._providers.values(), *self._retired]:
            provider.close()

    async def route(self, wanted: str) -> Route:
        """The way to `wanted` (`provider/model`, a bare model name, or '' for the default). Raises OptaError."""
        self._look_at_keys()
        wanted = wanted or self._default
        head, _, tail = wanted.partition("/")
        if tail and (head == "lmx" or head in self._settings.providers):
            return await self._named(head, tail, wanted)
        return await self._looked_up(wanted)

    async def health(self, name: str) -> tuple[list[dict[str, Any]], str]:
        """(models, '') of a provider, or ([], why not); at most one look in ten seconds, failures are looked at again sooner."""
        async with self._checking:
            at, models, reason = self._health.get(name, (0.0, [], ""))
            # A failure, or a model that is still loading, is looked at again sooner.
            is_settled = not reason and all(entry.get("state", "loaded") != "loading" for entry in models)
            if now_s() - at < (HEALTH_S if is_settled else 0.5):
                return models, reason
            try:
                models, reason = await self._provider(name).models(), ""
            except OptaError as error:
                models, reason = [], error.message
            self._health[name] = (now_s(), models, reason)
            return models, reason

    async def _named(self, name: str, model: str, wanted: str) -> Route:
        if name == "lmx":
            models, reason = await self._patient_health()
            if reason:
                if fallback := self._fallback():
                    return msgspec.structs.replace(fallback, switched_from=wanted, note=reason)
                raise OptaError(
                    f"{reason} Start it (`opta daemon restart lmx`), or add a provider: opta config add-provider NAME --type openai --base-url URL",
                    code=ErrorCode.provider_unavailable,
                    retryable=True,
                )
            return Route(self._provider("lmx"), model, _context_of(models, model), _tools_of(models, model), fallback=self._fallback())
        return Route(self._provider(name), model, self._settings.providers[name].context)

    async def _patient_health(self) -> tuple[list[dict[str, Any]], str]:
        """LMX's health; when it is ours, and there is nothing to fall back to, a restart of it is waited for."""
        deadline = now_s() + (LMX_BACK_S if not self._settings.lmx.host and self._fallback() is None else 0.0)
        while True:
            models, reason = await self.health("lmx")
            if not reason or now_s() > deadline:
                return models, reason
            await asyncio.sleep(0.2)

    async def _looked_up(self, model: str) -> Route:
        models, _ = await self.health("lmx")
        if any(entry.get("id") == model for entry in models):
            return Route(self._provider("lmx"), model, _context_of(models, model), _tools_of(models, model), fallback=self._fallback())
        for name, settings in self._settings.providers.items():
            if settings.model == model:
                return Route(self._provider(name), model, settings.context)
        raise Refused(f"No provider has a model {model!r}. `opta status` lists the models.", code=ErrorCode.model_not_found)

    def _fallback(self) -> Route | None:
        for name, settings in self._settings.providers.items():
            if settings.model:
                return Route(self._provider(name), settings.model, settings.context)
        return None

    def _look_at_keys(self) -> None:
        """A key that was added, replaced or removed is used from the next request on."""
        try:
            seen = self._vault.index.stat()
            stamp: object = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        except OSError:
            stamp = None
        if stamp != self._keys_at:
            self._keys_at = stamp
            # LMX of this machine needs none of them.
            is_paired = not self._lmx_endpoint().key_file
            self._retired += [provider for name, provider in self._providers.items() if name != ACCOUNT or is_paired]
            self._providers = {name: provider for name, provider in self._providers.items() if name == ACCOUNT and not is_paired}
            self._health.clear()

    def _provider(self, name: str) -> OpenAiProvider:
        if name == "lmx":
            known, endpoint = self._providers.get(name), self._lmx_endpoint()
            if known is None or known.url != endpoint.url:
                self._providers[name] = OpenAiProvider(
                    name, endpoint.url, self._lmx_key(endpoint), endpoint.certificate, challenge_of(endpoint)
                )
        elif name not in self._providers:
            self._providers[name] = OpenAiProvider(name, self._settings.providers[name].base_url, self._vault.fetch(name))
        return self._providers[name]

    def _lmx_key(self, endpoint: Endpoint) -> Secret | None:
        # Ours on loopback wants none; any other was paired with, and its key lies in the vault.
        return None if endpoint.key_file and not endpoint.certificate else key_of(endpoint, self._vault)


def _tools_of(models: list[dict[str, Any]], model: str) -> tuple[str, ...] | None:
    found: Any = next((entry.get("tools") for entry in models if entry.get("id") == model), None)
    return tuple(map(str, cast("list[Any]", found))) if isinstance(found, list) else None


def _context_of(models: list[dict[str, Any]], model: str) -> int:
    return next((int(entry.get("context_length") or 0) for entry in models if entry.get("id") == model), 0)
