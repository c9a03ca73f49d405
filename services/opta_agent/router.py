"""Which provider answers: the one that a turn wants, or the next one that the user added when that one does not answer.

Health is measured, by answers, failures and looks; a provider that failed is left alone for a while without a connection.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused
from opta_core.model_servers.server_model import ServerModel
from opta_core.net.lmx_endpoint import Endpoint
from opta_core.provider_settings import RESERVED
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings
from opta_protocol.error_info import ErrorCode

from .model_options import ModelOptions, user_options
from .providers.base import Provider
from .providers.connected_servers import ConnectedServer, ConnectedServers
from .providers.health import ProviderHealth

# How old a look at a server may be: at LMX before each turn, at others for their models.
HEALTH_S, MODELS_S = 10.0, 60.0
# After a failure, or while a model loads, a turn looks again that soon.
UNSETTLED_S = 0.5
# A turn that needs to know the context waits for it so long, once; and so long for the one server it could have that failed before.
FIRST_LOOK_S, RECOVERY_LOOK_S = 1.0, 0.04
# A restart of our own LMX front takes about a second.
LMX_BACK_S = 6.0


class Route(msgspec.Struct, frozen=True):
    """Where a turn goes; `note` says why it is not what was asked for."""

    provider: Provider
    model: str
    context_limit: int = 0
    # Names of the tools that the model declares it can use; None for one that takes any.
    tools: tuple[str, ...] | None = None
    # Whether the model sees images, as its server says; None when it does not say.
    vision: bool | None = None
    switched_from: str = ""
    note: str = ""
    options: ModelOptions = ModelOptions()
    # Where to go when this one does not say a word; `is_for_dead`: only in the place of one that takes no connection.
    fallback: "Route | None" = None
    is_for_dead: bool = False

    def fallback_after(self, *, is_dead: bool) -> "Route | None":
        """The next route, after a failure. `is_dead`: no connection was made."""
        route = self.fallback
        while route is not None and route.is_for_dead and not is_dead:
            route = route.fallback
        return route

    def without_fallback(self) -> "Route":
        """The same, for a turn that must go there or fail. Raises OptaError when it is a fallback itself."""
        if self.switched_from:
            raise OptaError(f"{self.switched_from} cannot be used: {self.note}", code=ErrorCode.provider_unavailable, retryable=True)
        return msgspec.structs.replace(self, fallback=None)


class Routes(Protocol):
    """What the agent needs of a router."""

    def warm(self) -> None: ...

    def close(self) -> None: ...

    async def route(self, wanted: str) -> Route: ...


class ModelRouter:
    """Finds routes. `settings`: the settings, or a function that gives those of now."""

    def __init__(self, settings: Settings | Callable[[], Settings], lmx_endpoint: Callable[[], Endpoint], vault: Vault):
        self._settings = settings if callable(settings) else lambda: settings
        self._loop = asyncio.get_running_loop()
        self.health = ProviderHealth()
        self._servers = ConnectedServers(self._settings, lmx_endpoint, vault, self.health)
        # A turn has waited for LMX in vain; the next ones do not, until it answers.
        self._is_lmx_given_up = False

    def warm(self) -> None:
        """Make every provider now, and then ask each in the background what it has. Any thread."""
        self._servers.warm()
        self._loop.call_soon_threadsafe(self._look)

    def close(self) -> None:
        """Drop every connection."""
        self._servers.close()

    async def route(self, wanted: str) -> Route:
        """The way to `wanted` (`provider/model`, a bare model name, an alias, or '' for the default). Raises OptaError."""
        self._servers.renew()
        settings = self._settings()
        wanted = wanted or settings.default_model
        wanted = settings.aliases.get(wanted, wanted)
        head, _, tail = wanted.partition("/")
        if not tail or (head != RESERVED and head not in settings.providers):
            head, tail = await self._found(wanted)
        if head == RESERVED:
            return await self._to_lmx(tail, wanted)
        return await self._to_provider(head, tail, wanted)

    def _look(self) -> None:
        # So that the first turn need not wait for it.
        for name in self._settings().providers:
            if (server := self._server(name)) is not None:
                self._servers.look_soon(server, self._settings().providers[name].model)

    async def _to_lmx(self, model: str, wanted: str) -> Route:
        server = self._servers.get(RESERVED)
        fallback = self._fallback(RESERVED)
        if fallback is not None and self.health.cooling_s(RESERVED):
            return self._switched(fallback, wanted, self.health.reason(RESERVED))
        await self._settled(server, is_patient=not self._settings().lmx.host and fallback is None)
        if server.problem:
            if fallback is not None:
                return self._switched(fallback, wanted, server.problem)
            raise OptaError(
                f"{server.problem} Start it (`opta daemon restart lmx`), or add a provider: opta config add-provider NAME --type openai --base-url URL",
                code=ErrorCode.provider_unavailable,
                retryable=True,
            )
        return self._route(server, model, fallback)

    async def _settled(self, server: ConnectedServer, *, is_patient: bool) -> None:
        """Look at LMX when the last look is too old; when it is ours, and there is nothing to fall back to, a restart of it is waited for.

        That is so for the first turn that meets a dead one. For a later turn, a look of a moment decides.
        """
        if self._is_lmx_given_up and server.problem:
            self._servers.look_soon(server)
            await self._wait_for_look(server, RECOVERY_LOOK_S)
            self._is_lmx_given_up = bool(server.problem)
            return
        deadline = now_s() + (LMX_BACK_S if is_patient else 0.0)
        while True:
            if server.age_s >= (UNSETTLED_S if server.problem or server.is_loading else HEALTH_S):
                await self._servers.look(server)
            if not server.problem or now_s() > deadline:
                self._is_lmx_given_up = bool(server.problem)
                return
            await asyncio.sleep(0.2)

    async def _to_provider(self, name: str, model: str, wanted: str) -> Route:
        server = self._servers.get(name)
        route = self._route(server, model, self._fallback(name))
        is_dead = self.health.is_dead(name)
        other = route.fallback_after(is_dead=is_dead)
        # One that answers, if only with errors, is asked when there is no other.
        is_left_alone = self.health.cooling_s(name) > 0 and (is_dead or other is not None)
        if is_left_alone and not await self._is_back(server, has_other=other is not None):
            reason = self.health.reason(name)
            if other is not None:
                return self._switched(other, wanted, reason)
            raise OptaError(
                f"{reason} It is asked again in {self.health.cooling_s(name):.0f} s at the latest; no other provider is configured to take its place.",
                code=ErrorCode.provider_unavailable,
                retryable=True,
            )
        await self._know(server, model)
        return self._route(server, model, route.fallback)

    async def _is_back(self, server: ConnectedServer, *, has_other: bool) -> bool:
        """Whether a server that failed answers again. A turn that can go elsewhere does not wait for that."""
        self._servers.look_soon(server)
        if has_other:
            return False
        await self._wait_for_look(server, RECOVERY_LOOK_S)
        return not server.problem and server.age_s < RECOVERY_LOOK_S + 1

    async def _know(self, server: ConnectedServer, model: str) -> None:
        """Have the server's list: waited for only once, by a turn whose context is set nowhere."""
        if server.age_s >= MODELS_S or (server.report is None and server.age_s >= HEALTH_S):
            is_first = server.looked_at == 0.0
            self._servers.look_soon(server, model)
            if is_first and not self._context_set(server.name, model):
                await self._wait_for_look(server, FIRST_LOOK_S)

    async def _wait_for_look(self, server: ConnectedServer, limit_s: float) -> None:
        """Wait until the running look at a server has ended, at most `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.sleep(0)
                async with server.looking:
                    pass
        except TimeoutError:
            pass

    async def _found(self, model: str) -> tuple[str, str]:
        """(provider, model) of a name without a provider: at LMX first, then in the order of the settings. Raises Refused."""
        lmx = self._servers.get(RESERVED)
        await self._settled(lmx, is_patient=False)
        if not lmx.problem and lmx.report is not None and lmx.report.model(model) is not None:
            return RESERVED, model
        providers = self._settings().providers
        for name, provider in providers.items():
            if provider.model == model:
                return name, model
        for name in providers:
            server = self._server(name)
            if server is not None and server.report is not None and server.report.model(model) is not None:
                return name, model
        raise Refused(
            f"No provider has a model {model!r}. `opta models list` shows the models; choose one: opta models use PROVIDER/MODEL",
            code=ErrorCode.model_not_found,
        )

    def _fallback(self, without: str) -> Route | None:
        """The routes to the user's other providers, in the order of the settings; those that are left alone just now are left out.

        A provider that answers, if only with errors, keeps its turns, unless another one is a fallback by setting: what a server says
        must not choose who else reads a prompt.
        """
        route: Route | None = None
        for name, provider in reversed(self._settings().providers.items()):
            server = self._server(name)
            if name == without or server is None or provider.fallback is False or self.health.cooling_s(name):
                continue
            if model := provider.model or _first_chat_model(server):
                is_for_dead = provider.fallback is None and without != RESERVED
                route = msgspec.structs.replace(self._route(server, model, route), is_for_dead=is_for_dead)
        return route

    def _route(self, server: ConnectedServer, model: str, fallback: Route | None) -> Route:
        known = server.report.model(model) if server.report is not None else None
        return Route(
            server.provider,
            model,
            self._context_set(server.name, model) or (known.context if known is not None else 0),
            known.tool_names if known is not None else None,
            _vision(server, known),
            options=user_options(
                self._settings(),
                server.name,
                model,
                can_think=known.thinking if known is not None else None,
                server=server.program,
            ),
            fallback=fallback,
        )

    def _context_set(self, name: str, model: str) -> int:
        """The context that the settings state for a model; 0 for none."""
        settings = self._settings()
        for key in (f"{name}/{model}", model):
            if key in settings.models and settings.models[key].context:
                return settings.models[key].context
        provider = settings.providers.get(name)
        return provider.context if provider is not None else 0

    def _switched(self, route: Route, wanted: str, reason: str) -> Route:
        return msgspec.structs.replace(route, switched_from=wanted, note=reason)

    def _server(self, name: str) -> ConnectedServer | None:
        """A server whose address and key can be used."""
        try:
            return self._servers.get(name)
        except OptaError:
            return None


def _vision(server: ConnectedServer, known: ServerModel | None) -> bool | None:
    """Whether a model sees images. LMX says it of those that do, and an older one of none."""
    vision = known.vision if known is not None else None
    return bool(vision) if server.name == RESERVED else vision


def _first_chat_model(server: ConnectedServer) -> str:
    """The model that a provider without one in its settings answers with: one that is loaded, or else its first one."""
    models: list[ServerModel] = [model for model in server.report.models if model.is_chat] if server.report is not None else []
    return next((model.id for model in models if model.state == "loaded"), models[0].id if models else "")
