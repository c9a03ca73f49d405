"""Where a configured provider is, and how a request shows its key."""

from urllib.parse import SplitResult, urlsplit

import msgspec

from ..errors import Refused
from ..net.lmx_endpoint import ACCOUNT, pin_file, with_port
from ..paths import Paths
from ..provider_settings import ProviderSettings
from ..secrets.vault import Secret
from ..settings import Settings

ANTHROPIC_VERSION = "2023-06-01"
# What the Messages API of the vendor reads, where a server does not say.
ANTHROPIC_CONTEXT = 200_000


class ServerAddress(msgspec.Struct, frozen=True):
    """The base URL of an API, and the certificate that its server must have ('' for any valid one).

    `account`: the name of its key in the vault.
    """

    url: str
    certificate: str = ""
    account: str = ""

    @property
    def root(self) -> str:
        """The address without a path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """The path of the base URL, without a slash at its end."""
        return urlsplit(self.url).path.rstrip("/")


def address_of(name: str, provider: ProviderSettings, settings: Settings, paths: Paths) -> ServerAddress:
    """The address of a provider of the settings. LMX that was paired with is spoken to with TLS and its certificate alone.

    Raises Refused when it is none.
    """
    url = provider.base_url.rstrip("/")
    if provider.type == "lmx":
        host = with_port(provider.host or _parts(name, url).netloc)
        pinned = pin_file(paths, host)
        if pinned.exists():
            is_paired_one = bool(settings.lmx.host) and with_port(settings.lmx.host) == host
            return ServerAddress(f"https://{host}/v1", str(pinned), ACCOUNT if is_paired_one else name)
        url = url or f"http://{host}"
    if not _parts(name, url).path.strip("/") and provider.type in ("lmx", "anthropic"):
        url = f"{url}/v1"
    return ServerAddress(url, account=name)


def _parts(name: str, url: str) -> SplitResult:
    """The parts of an address with a host. Raises Refused."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
        parts = urlsplit("")
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise Refused(f"The address of provider {name} holds a user name or a password. Give the key apart: opta account add {name}")
    if not is_address or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused(
            f"Provider {name} has the address {url[:200]!r}; it must begin with http:// or https:// and name a host. "
            f"Correct it: opta config set providers.{name}.base-url URL"
        )
    return parts


def headers_of(kind: str, key: Secret | None) -> dict[str, str]:
    """The headers of every request to a provider of type `kind`."""
    if kind == "anthropic":
        return {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": key.reveal()} if key else {})
    return {"Authorization": f"Bearer {key.reveal()}"} if key else {}
