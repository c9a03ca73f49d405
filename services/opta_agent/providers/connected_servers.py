"""The model servers of the settings: their connections, and what they said about their models.

A provider that is added, changed or removed in the settings, or whose key is replaced, is so for the next request. Streams that run on a
replaced connection go on.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from opta_core.background import Background
from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused
from opta_core.model_servers import catalogue
from opta_core.model_servers.address import ServerAddress, address_of, headers_of
from opta_core.model_servers.catalogue import ServerProblem, ServerReport
from opta_core.net.http_client import Challenge, HttpClient
from opta_core.net.lmx_endpoint import Endpoint, challenge_of, key_of
from opta_core.provider_settings import RESERVED
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import Settings

from .anthropic import AnthropicProvider
from .base import Provider
from .health import ProviderHealth
from .measured import MeasuredProvider
from .openai import OpenAiProvider

LOOK_S = 2.0


class ConnectedProvider(Provider, Protocol):
    """A provider that owns connections."""

    def close(self) -> None: ...


@dataclass
class ConnectedServer:
    """One server. `kind`: its provider's type; `report`: what it said last, at `looked_at`; `problem`: why it did not answer then."""

    name: str
    kind: str
    address: ServerAddress
    provider: Provider
    connections: ConnectedProvider
    client: HttpClient
    report: ServerReport | None = None
    problem: str = ""
    looked_at: float = 0.0
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def age_s(self) -> float:
        """How long ago it was looked at."""
        return now_s() - self.looked_at if self.looked_at else float("inf")

    @property
    def program(self) -> str:
        """The program that serves the models, as far as it is known; `cloud` for one beyond this network."""
        if self.kind != "openai":
            return self.kind
        if self.address.root.endswith("openrouter.ai"):
            return "openrouter"
        return (self.report.kind if self.report is not None else "") or ("" if catalogue.is_near(self.address.url) else "cloud")

    @property
    def is_loading(self) -> bool:
        """Whether one of its models is still loading, as far as it said."""
        return self.report is not None and any(model.state == "loading" for model in self.report.models)

    def close(self) -> None:
        """Drop the connections."""
        self.connections.close()
        self.client.close()


class ConnectedServers:
    """Owns every server. LMX of the settings, named `lmx`, chooses its port when it starts, which may be after this process did."""

    def __init__(self, settings: Callable[[], Settings], lmx_endpoint: Callable[[], Endpoint], vault: Vault, health: ProviderHealth):
        self._settings, self._lmx_endpoint, self._vault, self._health = settings, lmx_endpoint, vault, health
        # Name -> (what the server was made from, the server).
        self._servers: dict[str, tuple[object, ConnectedServer]] = {}
        self._retired: list[ConnectedServer] = []
        self._keys_at: object = None
        self._key_version = 0
        self._background = Background()

    def warm(self) -> None:
        """Make every server now: the keychain and the first HTTP client cost a quarter of a second. Any thread."""
        self.renew()
        for name in self._settings().providers:
            with contextlib.suppress(OptaError):
                self.get(name)

    def close(self) -> None:
        """Drop every connection."""
        self._background.cancel()
        for server in [*(server for _, server in self._servers.values()), *self._retired]:
            server.close()

    def renew(self) -> None:
        """Take in keys that were added, replaced or removed, and forget servers that the settings have no longer."""
        try:
            seen = self._vault.index.stat()
            stamp: object = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        except OSError:
            stamp = None
        if stamp != self._keys_at:
            self._keys_at = stamp
            self._key_version += 1
        providers = self._settings().providers
        for name in [name for name in self._servers if name != RESERVED and name not in providers]:
            self._retire(name)

    def get(self, name: str) -> ConnectedServer:
        """The server of a provider. Raises OptaError when its address or key cannot be used."""
        if name == RESERVED:
            endpoint = self._lmx_endpoint()
            # Ours on loopback wants no key; any other was paired with, and its key lies in the vault.
            is_ours = bool(endpoint.key_file) and not endpoint.certificate
            return self._made(
                name,
                (endpoint, 0 if endpoint.key_file else self._key_version),
                "lmx",
                ServerAddress(endpoint.url, endpoint.certificate),
                lambda: None if is_ours else key_of(endpoint, self._vault),
                challenge_of(endpoint),
            )
        settings = self._settings()
        provider = settings.providers[name]
        address = address_of(name, provider, settings, self._vault.paths)
        made_from = (provider.type, address, self._key_version)
        return self._made(name, made_from, provider.type, address, lambda: self._vault.fetch(address.account), None)

    async def look(self, server: ConnectedServer, wanted: str = "") -> None:
        """Ask a server what it has; one look at a time. One that turned out to have a list alone is not asked for more until it fails."""
        if server.looking.locked():
            async with server.looking:
                return
        async with server.looking:
            try:
                is_plain = server.report is not None and not server.report.kind and not server.problem
                server.report = await catalogue.look(server.client, server.address, server.kind, LOOK_S, wanted, is_deep=not is_plain)
                server.problem = ""
                self._health.reached(server.name)
            except ServerProblem as problem:
                server.problem = (
                    str(problem) if problem.is_stranger else f"{server.name} at {server.provider.host} does not answer ({problem})."
                )
                if not problem.is_reached:
                    self._health.failed(server.name, server.problem, is_dead=True)
            server.looked_at = now_s()

    def look_soon(self, server: ConnectedServer, wanted: str = "") -> None:
        """Ask a server in the background what it has."""
        if not server.looking.locked():
            self._background.start(self.look(server, wanted), f"look at {server.name}")

    def _made(
        self, name: str, made_from: object, kind: str, address: ServerAddress, key: Callable[[], Secret | None], challenge: Challenge | None
    ) -> ConnectedServer:
        known = self._servers.get(name)
        if known is not None and known[0] == made_from:
            return known[1]
        self._retire(name)
        secret = key()
        headers = headers_of(kind, secret)
        try:
            make = AnthropicProvider if kind == "anthropic" else OpenAiProvider
            provider = make(name, address.url, secret, address.certificate, challenge)
            client = HttpClient(address.root, headers, address.certificate, challenge)
        except ValueError as error:
            raise Refused(f"Provider {name} cannot be used: {error}. Correct it: opta config add-provider {name} …") from None
        server = ConnectedServer(name, kind, address, MeasuredProvider(provider, self._health), provider, client)
        self._servers[name] = (made_from, server)
        return server

    def _retire(self, name: str) -> None:
        if known := self._servers.pop(name, None):
            # What it streams goes on; idle connections do not stay for that.
            known[1].close()
            self._retired.append(known[1])
            self._health.answered(name)
