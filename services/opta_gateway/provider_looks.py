"""What the user's providers answer, measured when somebody asks: a look is never older than a few seconds, and all are looked at at once."""

import asyncio

import msgspec

from opta_core.errors import OptaError
from opta_core.model_servers.address import ServerAddress, address_of, headers_of
from opta_core.model_servers.catalogue import ServerProblem, ServerReport, look
from opta_core.net.http_client import HttpClient
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings

# How old a look may be, and the details of a server's models. With the time a look takes, health turns false within ten seconds.
FRESH_S, DETAILS_S = 4.0, 60.0
LOOK_S = 2.0


class ProviderLook(msgspec.Struct, frozen=True):
    """One look. `reason`: why the server is not healthy; `report`: what it said last."""

    url: str
    report: ServerReport | None = None
    reason: str = ""
    latency_ms: float = 0.0

    @property
    def is_healthy(self) -> bool:
        """Whether it answered with a list of models just now."""
        return not self.reason


class ProviderLooks:
    """The last look at each provider of the settings."""

    def __init__(self) -> None:
        # Name -> (address, when it was looked at, when in depth, the look).
        self._looks: dict[str, tuple[ServerAddress, float, float, ProviderLook]] = {}
        self._looking = asyncio.Lock()

    async def all(self, settings: Settings, vault: Vault, *, is_new: bool = False) -> dict[str, ProviderLook]:
        """The looks of now, by the names of the providers in their order. `is_new`: none is older than this call."""
        async with self._looking:
            if is_new:
                self._looks = {name: (address, float("-inf"), deep_at, look) for name, (address, _, deep_at, look) in self._looks.items()}
            found = await asyncio.gather(*(self._look(name, settings, vault) for name in settings.providers))
            self._looks = {name: known for name, known in self._looks.items() if name in settings.providers}
            return dict(zip(settings.providers, found, strict=True))

    async def _look(self, name: str, settings: Settings, vault: Vault) -> ProviderLook:
        provider, now = settings.providers[name], asyncio.get_running_loop().time()
        try:
            address = await asyncio.to_thread(address_of, name, provider, settings, vault.paths)
        except OptaError as error:
            return ProviderLook("", reason=error.message)
        known_address, at, deep_at, last = self._looks.get(name, (None, 0.0, 0.0, ProviderLook("")))
        if known_address != address:
            at, deep_at, last = 0.0, 0.0, ProviderLook(address.url)
        elif now - at < FRESH_S:
            return last
        is_deep = last.report is None or now - deep_at > DETAILS_S
        made = await self._measure(address, provider.type, provider.model, vault, last, is_deep=is_deep)
        self._looks[name] = (address, now, now if is_deep else deep_at, made)
        return made

    async def _measure(
        self, address: ServerAddress, kind: str, model: str, vault: Vault, last: ProviderLook, *, is_deep: bool
    ) -> ProviderLook:
        try:
            key = await asyncio.to_thread(vault.fetch, address.account)
            client = HttpClient(address.root, headers_of(kind, key), address.certificate)
        except (OptaError, ValueError) as error:
            return ProviderLook(address.url, last.report, str(error))
        try:
            async with asyncio.timeout(2 * LOOK_S):
                report = await look(client, address, kind, LOOK_S, model, is_deep=is_deep)
        except ServerProblem as problem:
            return ProviderLook(address.url, last.report, _reason(problem))
        except TimeoutError:
            return ProviderLook(address.url, last.report, f"It does not answer within {2 * LOOK_S:g} s.")
        finally:
            client.close()
        shown = report if is_deep or last.report is None else _with_details(report, last.report)
        return ProviderLook(address.url, shown, "", report.latency_ms)


def _reason(problem: ServerProblem) -> str:
    if problem.is_stranger:
        return str(problem)
    if problem.status in (401, 403):
        return "It refuses the key. Set it: opta account rotate NAME"
    if problem.is_reached and problem.status < 500:
        return f"It answers, but not with a list of models ({problem}). Check its base URL, which mostly ends in /v1: opta config set providers.NAME.base-url URL"
    return f"It does not answer ({problem}). Start its server, or remove it: opta config remove-provider NAME"


def _with_details(report: ServerReport, deep: ServerReport) -> ServerReport:
    """A list of now with the details of models that were asked for before."""
    known = {model.id: model for model in deep.models}
    return msgspec.structs.replace(report, kind=deep.kind, models=tuple(known.get(model.id, model) for model in report.models))
