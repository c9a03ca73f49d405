"""The machines whose LMX is used: this one or the paired one, and those of providers of type lmx. They are added by pairing, and removed.

The key of the main host is stored under `lmx`, that of a provider under the provider's name; each host's certificate is pinned.
"""

import asyncio

import msgspec

from opta_protocol.error_info import ErrorCode
from opta_protocol.http_settings import LmxHostInfo, SettingChange

from .. import settings as setting_files
from ..errors import OptaError, Refused
from ..lmx_settings import LmxSettings, check_lmx
from ..net.http_client import HttpClient
from ..net.lmx_endpoint import ACCOUNT, client_of, endpoint_of, key_of, pin_file, with_port
from ..net.lmx_pairing import join
from ..provider_settings import ProviderSettings, check_providers
from ..secrets.vault import Vault
from ..setting_changes import overridden, set_setting, table_change, unset_setting
from ..settings import LoadedSettings
from .address import ServerAddress, address_of, headers_of
from .catalogue import ServerProblem, look

LOOK_S = 3.0
HOST_KEY = "lmx.host"


async def list_hosts(loaded: LoadedSettings, vault: Vault) -> list[LmxHostInfo]:
    """Every LMX that turns can go to, with whether it answers now."""
    names = [name for name, provider in loaded.settings.providers.items() if provider.type == "lmx"]
    return list(await asyncio.gather(_main(loaded, vault), *(_provider(loaded, vault, name) for name in names)))


async def pair_host(loaded: LoadedSettings, vault: Vault, host: str, code: str, provider: str = "") -> tuple[str, SettingChange]:
    """Pair with a host and use it: as the main LMX, or as a provider. Returns (this machine's name there, the change). Raises OptaError."""
    check_lmx(LmxSettings(host=host))
    host = with_port(host)
    if provider:
        check_providers({provider: ProviderSettings(type="lmx", host=host)})
        known = loaded.settings.providers.get(provider)
        if known is not None and (known.type != "lmx" or with_port(known.host) != host):
            raise Refused(f"There is a provider {provider} already. Choose another name, or remove it first.", code=ErrorCode.conflict)
    else:
        _check_variable()
    name = await join(loaded.paths, vault, host, code, provider or ACCOUNT)
    if not provider:
        return name, await asyncio.to_thread(set_setting, loaded, HOST_KEY, host)
    written = msgspec.to_builtins(ProviderSettings(type="lmx", host=host))
    await asyncio.to_thread(setting_files.write_provider, loaded.paths, provider, written)
    return name, table_change(loaded, f"providers.{provider}", "", f"lmx at {host}, paired")


def forget_host(loaded: LoadedSettings, vault: Vault, host: str) -> SettingChange:
    """Use a host no longer; its certificate and its key are removed. Raises Refused when it is not used."""
    current, host = loaded.settings, with_port(host)
    change: SettingChange | None = None
    accounts: list[str] = []
    if current.lmx.host and with_port(current.lmx.host) == host:
        _check_variable()
        change = unset_setting(loaded, HOST_KEY)
        accounts.append(ACCOUNT)
    for name, provider in current.providers.items():
        if provider.type == "lmx" and provider.host and with_port(provider.host) == host:
            setting_files.write_provider(loaded.paths, name, None)
            change = change or table_change(loaded, f"providers.{name}", f"lmx at {host}", "")
            accounts.append(name)
    if change is None:
        raise Refused(f"No LMX at {host[:300]!r} is used here. `opta lmx hosts` shows them.", code=ErrorCode.not_found)
    pin_file(loaded.paths, host).unlink(missing_ok=True)
    notes = [change.note, *(_removed(vault, account) for account in accounts)]
    return msgspec.structs.replace(change, note=" ".join(note for note in notes if note))


def _removed(vault: Vault, account: str) -> str:
    """Remove a key, and say what was done: the host is gone already, so a keychain that refuses is no reason to fail."""
    try:
        return f"Its key {account!r} is removed." if vault.remove(account) else ""
    except OptaError as error:
        return f"{error.message} Its key stays until then: opta account remove {account}"


def _check_variable() -> None:
    if said := overridden(HOST_KEY):
        raise Refused(f"{said} Unset it, and restart the daemon with `opta down` and `opta up`.", code=ErrorCode.conflict)


async def _main(loaded: LoadedSettings, vault: Vault) -> LmxHostInfo:
    endpoint = await asyncio.to_thread(endpoint_of, loaded.settings, loaded.paths)
    configured = loaded.settings.lmx.host
    host = with_port(configured) if configured else endpoint.root.partition("//")[2]
    known = LmxHostInfo(
        host=host, role="main" if configured else "here", healthy=False, isPaired=bool(configured) and bool(endpoint.certificate)
    )
    try:
        # Ours on loopback lists its models without a key, and is asked to prove itself first.
        key = await asyncio.to_thread(key_of, endpoint, vault) if endpoint.certificate else None
        client = client_of(endpoint, key)
    except (OptaError, ValueError) as error:
        return msgspec.structs.replace(known, reason=str(error))
    return await _asked(known, client, ServerAddress(endpoint.url, endpoint.certificate))


async def _provider(loaded: LoadedSettings, vault: Vault, name: str) -> LmxHostInfo:
    provider = loaded.settings.providers[name]
    known = LmxHostInfo(host=provider.host or provider.base_url, role="provider", provider=name, healthy=False)
    try:
        address = address_of(name, provider, loaded.settings, loaded.paths)
        key = await asyncio.to_thread(vault.fetch, address.account)
        client = HttpClient(address.root, headers_of("lmx", key), address.certificate)
    except (OptaError, ValueError) as error:
        return msgspec.structs.replace(known, reason=str(error))
    host = with_port(provider.host) if provider.host else address.root.partition("//")[2]
    return await _asked(msgspec.structs.replace(known, host=host, isPaired=bool(address.certificate)), client, address)


async def _asked(known: LmxHostInfo, client: HttpClient, address: ServerAddress) -> LmxHostInfo:
    """The same with what the host answers now; the client is closed."""
    try:
        report = await look(client, address, "lmx", LOOK_S, is_deep=False)
    except ServerProblem as problem:
        return msgspec.structs.replace(known, reason=f"It does not answer: {problem}")
    finally:
        client.close()
    return msgspec.structs.replace(known, healthy=True, latencyMs=report.latency_ms, models=[model.id for model in report.models])
