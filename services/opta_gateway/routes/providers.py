"""Providers of models: their measured health, adding and removing one, and the model servers that run on this machine."""

import asyncio
from typing import Any

import msgspec

from opta_core import settings
from opta_core.clock import utc_in
from opta_core.errors import Refused
from opta_core.model_servers.adding import check_provider
from opta_core.model_servers.local_servers import Discovered, discover
from opta_core.process import state
from opta_core.provider_settings import ProviderSettings
from opta_core.secrets.vault import Secret
from opta_core.setting_changes import table_change
from opta_core.settings import Settings
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import AddProvider
from opta_protocol.http_daemon import DiscoveredServer, DiscoveredServers, ProviderAdded, ProviderInfo, ProviderList
from opta_protocol.http_settings import ProviderTested, ProviderTestRequest, SettingChange

from ..endpoint import GatewayOf, TypedRouter, VaultOf, body
from ..lmx_look import look_at_lmx
from ..provider_looks import ProviderLook
from ..provider_test import try_provider

MODELS_MAX = 300

routes = TypedRouter()


@routes.get("/v3/providers")
async def list_providers(gateway: GatewayOf, vault: VaultOf) -> ProviderList:
    """The providers; the active one answers a turn that names none."""
    current = gateway.settings()
    lmx, looks = await asyncio.gather(look_at_lmx(gateway, vault), gateway.looks.all(current, vault))
    default = current.aliases.get(current.default_model, current.default_model)
    active = default.partition("/")[0]
    cooling = gateway.telemetry.figures("agent").get("cooling")
    left: dict[str, Any] = cooling if isinstance(cooling, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    found = [
        ProviderInfo(
            name="lmx",
            type="lmx",
            baseUrl=lmx.url,
            state="active" if active == "lmx" else "standby",
            healthy=lmx.healthy,
            latencyMs=lmx.latency_ms,
            reason=lmx.reason,
            program="lmx",
            model=default.removeprefix("lmx/") if active == "lmx" else "",
            models=[model.id for model in lmx.models],
            contextLimit=next((model.context_length for model in lmx.models if f"lmx/{model.id}" == default), 0),
            coolingUntil=_until(left.get("lmx")),
        )
    ]
    found += [_info(name, current, looks[name], default, _until(left.get(name))) for name in current.providers]
    return ProviderList(providers=found)


@routes.get("/v3/providers/discover")
async def discover_servers(gateway: GatewayOf) -> DiscoveredServers:
    """Model servers that run on this machine at their usual ports. They are listed, and none is used before it is added."""
    known = state.read(gateway.loaded.paths)
    ours = {gateway.port, *((known.port, known.uiPort, known.lmxPort) if known is not None else ())}
    found = await discover(gateway.settings().providers, without=ours)
    return DiscoveredServers(servers=[_discovered(server) for server in found])


@routes.post("/v3/providers", status_code=201)
async def add_provider(gateway: GatewayOf, vault: VaultOf, wanted: AddProvider = body(AddProvider)) -> ProviderAdded:
    """Add a provider. The next turn can use it."""
    current = gateway.settings()
    if wanted.name in current.providers:
        raise Refused(f"There is a provider {wanted.name!r} already. Remove it first, or choose another name.", code=ErrorCode.conflict)
    if wanted.makeDefault and not wanted.model:
        raise Refused("makeDefault needs a model: turns that name none would use it.")
    provider = ProviderSettings(
        type=wanted.type,
        base_url=wanted.baseUrl,
        host=wanted.host,
        model=wanted.model,
        context=wanted.context,
        fallback=wanted.fallback,
    )
    key = Secret(wanted.key) if wanted.key else await asyncio.to_thread(vault.fetch, wanted.name)
    checked = await check_provider(wanted.name, provider, key, current, gateway.loaded.paths)
    if wanted.key:
        await gateway.change(vault.store, wanted.name, Secret(wanted.key))
    await gateway.change(settings.write_provider, gateway.loaded.paths, wanted.name, msgspec.to_builtins(checked.provider))
    if wanted.makeDefault:
        await gateway.change(settings.write_value, gateway.loaded.paths, "default-model", f"{wanted.name}/{wanted.model}")
    names = [model.id for model in checked.models if model.is_chat][:MODELS_MAX]
    where = f"{checked.provider.type} at {checked.provider.base_url or checked.provider.host}"
    notes = [
        f"Its server does not answer now: {checked.problem}." if checked.problem else f"Its server lists {len(names)} models.",
        "Its key is in the vault." if wanted.key else "",
        f"Turns that name no model use {wanted.name}/{wanted.model}." if wanted.makeDefault else "",
    ]
    change = table_change(gateway.now, f"providers.{wanted.name}", "", where, " ".join(note for note in notes if note))
    return ProviderAdded(name=wanted.name, baseUrl=checked.provider.base_url, models=names, problem=checked.problem, change=change)


@routes.delete("/v3/providers/{name}")
async def remove_provider(gateway: GatewayOf, name: str) -> SettingChange:
    """Remove a provider. Its key stays in the keychain, and turns that it answers go on."""
    current = gateway.now
    known = current.settings.providers.get(name)
    if not await gateway.change(settings.write_provider, gateway.loaded.paths, name, None):
        raise Refused(f"There is no provider {name[:64]!r}.", code=ErrorCode.not_found)
    said = f"{known.type} at {known.base_url or known.host}" if known is not None else ""
    return table_change(current, f"providers.{name}", said, "", f"Its key, if it has one, stays: opta account remove {name}")


@routes.post("/v3/providers/test")
async def test_provider(gateway: GatewayOf, vault: VaultOf, wanted: ProviderTestRequest = body(ProviderTestRequest)) -> ProviderTested:
    """Ask a provider for its models, and send it a real turn of a few words; nothing falls back to another provider."""
    return await try_provider(gateway, vault, wanted)


def _info(name: str, current: Settings, look: ProviderLook, default: str, cooling_until: str) -> ProviderInfo:
    provider = current.providers[name]
    model = provider.model or (default.removeprefix(f"{name}/") if default.startswith(f"{name}/") else "")
    known = look.report.model(model) if look.report is not None and model else None
    return ProviderInfo(
        name=name,
        type=provider.type,
        baseUrl=look.url,
        state="active" if default.partition("/")[0] == name else "standby" if provider.model else "configured",
        healthy=look.is_healthy,
        latencyMs=look.latency_ms,
        reason=look.reason.replace("NAME", name),
        program=look.report.kind if look.report is not None else "",
        model=model,
        models=[found.id for found in look.report.models if found.is_chat][:MODELS_MAX] if look.report is not None else [],
        contextLimit=provider.context or (known.context if known is not None else 0),
        coolingUntil=cooling_until,
        fallback=provider.fallback is not False,
    )


def _discovered(server: Discovered) -> DiscoveredServer:
    model = server.model
    return DiscoveredServer(
        name=server.name,
        label=server.label,
        type=server.type,
        baseUrl=server.base_url,
        models=[found.id for found in server.models if found.is_chat][:MODELS_MAX],
        model=model.id if model is not None else "",
        contextLimit=model.context if model is not None else 0,
        configured=server.configured,
        command=server.command,
    )


def _until(left: Any) -> str:
    return utc_in(left) if isinstance(left, int | float) and left > 0 else ""
