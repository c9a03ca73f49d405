"""The checks before a provider is added to the settings: the same for the command line, the page and other clients."""

from urllib.parse import urlsplit

import msgspec

from ..errors import Refused
from ..net.http_client import HttpClient
from ..paths import Paths
from ..provider_settings import ProviderSettings, check_providers
from ..secrets.vault import Secret
from ..settings import Settings
from .address import address_of, headers_of
from .catalogue import ServerProblem, ServerReport, look
from .server_model import ServerModel

LOOK_S = 3.0


class Checked(msgspec.Struct, frozen=True):
    """A provider that may be written. `problem`: why its server does not answer now, '' when it does."""

    provider: ProviderSettings
    models: tuple[ServerModel, ...] = ()
    problem: str = ""


async def check_provider(name: str, wanted: ProviderSettings, key: Secret | None, settings: Settings, paths: Paths) -> Checked:
    """Check a provider, and ask its server what it has. Raises Refused when it can never be used.

    A base URL without a path gets the `/v1` at which nearly every server answers, also while its server is not running; it stays as it is
    when the server answers there alone.
    """
    check_providers({name: wanted})
    address_of(name, wanted, settings, paths)
    problem = ""
    forms = _forms(wanted)
    for provider in forms:
        try:
            report = await look_at_provider(name, provider, key, settings, paths)
            return Checked(provider, report.models)
        except ServerProblem as error:
            problem = problem or str(error)
            if not error.is_reached:
                break
    return Checked(forms[0], (), problem)


def _forms(wanted: ProviderSettings) -> list[ProviderSettings]:
    if wanted.type != "openai" or urlsplit(wanted.base_url).path.strip("/"):
        return [wanted]
    return [msgspec.structs.replace(wanted, base_url=f"{wanted.base_url.rstrip('/')}/v1"), wanted]


async def look_at_provider(name: str, provider: ProviderSettings, key: Secret | None, settings: Settings, paths: Paths) -> ServerReport:
    """Ask a provider's server what it has. Raises ServerProblem when it does not answer, Refused when its address cannot be used."""
    address = address_of(name, provider, settings, paths)
    try:
        client = HttpClient(address.root, headers_of(provider.type, key), address.certificate)
    except ValueError as error:
        raise Refused(f"Provider {name} cannot be used: {error}.") from None
    try:
        return await look(client, address, provider.type, LOOK_S, provider.model)
    finally:
        client.close()
