"""Models and providers."""

import asyncio
import time

import msgspec

from opta_core.net.http_client import HttpProblem, UnverifiedServer
from opta_core.net.lmx_endpoint import client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_protocol.http_daemon import ModelInfo, ModelList, ProviderInfo, ProviderList
from opta_protocol.lmx import LmxModelDetails, LmxModelList

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf

HEALTH_S = 2.0

routes = TypedRouter()


class _Look(msgspec.Struct, frozen=True, kw_only=True):
    """What LMX answered just now. `reason` says why it is not healthy."""

    url: str
    healthy: bool = False
    latency_ms: float = 0.0
    models: list[LmxModelDetails] = []
    reason: str = ""


@routes.get("/v3/models")
async def list_models(gateway: GatewayOf, vault: VaultOf) -> ModelList:
    """The models of every provider, LMX first."""
    settings = gateway.loaded.settings
    look = await _look_at_lmx(gateway, vault)
    models = [
        ModelInfo(
            id=f"lmx/{model.id}",
            provider="lmx",
            name=model.id,
            healthy=look.healthy,
            contextLimit=model.context_length,
            capability=model.capability,
            default=settings.default_model in (model.id, f"lmx/{model.id}"),
        )
        for model in look.models
    ]
    models += [
        ModelInfo(
            id=f"{name}/{provider.model}",
            provider=name,
            name=provider.model,
            healthy=True,
            contextLimit=provider.context,
            default=settings.default_model == f"{name}/{provider.model}",
        )
        for name, provider in settings.providers.items()
        if provider.model
    ]
    return ModelList(models=models, default=settings.default_model)


@routes.get("/v3/providers")
async def list_providers(gateway: GatewayOf, vault: VaultOf) -> ProviderList:
    """The providers; the active one answers a turn that names none."""
    settings = gateway.loaded.settings
    look = await _look_at_lmx(gateway, vault)
    active = settings.default_model.partition("/")[0]
    found = [
        ProviderInfo(
            name="lmx",
            type="lmx",
            baseUrl=look.url,
            state="active" if active == "lmx" else "standby",
            healthy=look.healthy,
            latencyMs=look.latency_ms,
            reason=look.reason,
        )
    ]
    found += [
        ProviderInfo(
            name=name,
            type=provider.type,
            baseUrl=provider.base_url,
            state="active" if active == name else "standby" if provider.model else "configured",
            healthy=True,
        )
        for name, provider in settings.providers.items()
    ]
    return ProviderList(providers=found)


async def _look_at_lmx(gateway: Gateway, vault: Vault) -> _Look:
    loaded = gateway.loaded
    endpoint = await asyncio.to_thread(endpoint_of, loaded.settings, loaded.paths)
    url, started = endpoint.url, time.monotonic()
    key = await asyncio.to_thread(key_of, endpoint, vault) if endpoint.certificate else None
    client = client_of(endpoint, key, "/v1")
    try:
        status, body = await client.get("/models", HEALTH_S)
        if status != 200:
            raise HttpProblem(f"status {status}")
        models = msgspec.json.decode(body, type=LmxModelList).data
        return _Look(url=url, healthy=True, latency_ms=round((time.monotonic() - started) * 1000, 1), models=models)
    except UnverifiedServer as stranger:
        return _Look(url=url, reason=str(stranger))
    except (HttpProblem, msgspec.DecodeError) as error:
        return _Look(url=url, reason=f"LMX at {url} does not answer ({error}). Start it: opta daemon restart lmx")
    finally:
        client.close()
