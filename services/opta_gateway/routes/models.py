"""Models and providers."""

import asyncio
import time
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.net.http_client import HttpProblem, Stranger
from opta_core.net.lmx_endpoint import client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_protocol.http import ModelInfo, ModelList, ProviderInfo, ProviderList

from ..rest import answer, describes, gateway_of

HEALTH_S = 2.0

router = APIRouter()


@router.get("/v3/models", openapi_extra=describes(ModelList))
async def list_models(request: Request) -> Response:
    """The models of every provider, LMX first."""
    settings = gateway_of(request).loaded.settings
    healthy, _, entries, _ = await _look_at_lmx(request)
    models = [
        ModelInfo(
            id=f"lmx/{entry['id']}",
            provider="lmx",
            name=entry["id"],
            healthy=healthy,
            contextLimit=int(entry.get("context_length") or 0),
            capability=str(entry.get("capability") or ""),
            default=settings.default_model in (entry["id"], f"lmx/{entry['id']}"),
        )  # fmt: skip
        for entry in entries
    ]
    models += [
        ModelInfo(
            id=f"{name}/{p.model}",
            provider=name,
            name=p.model,
            healthy=True,
            contextLimit=p.context,
            default=settings.default_model == f"{name}/{p.model}",
        )
        for name, p in settings.providers.items()
        if p.model
    ]
    return answer(ModelList(models=models, default=settings.default_model))


@router.get("/v3/providers", openapi_extra=describes(ProviderList))
async def list_providers(request: Request) -> Response:
    """Ways to reach models; the active one answers a turn that names none."""
    settings = gateway_of(request).loaded.settings
    healthy, latency_ms, _, reason = await _look_at_lmx(request)
    active = settings.default_model.partition("/")[0]
    url = endpoint_of(settings, gateway_of(request).loaded.paths).url
    found = [
        ProviderInfo(
            name="lmx",
            type="lmx",
            baseUrl=url,
            state="active" if active == "lmx" else "standby",
            healthy=healthy,
            latencyMs=latency_ms,
            reason=reason,
        )
    ]
    found += [
        ProviderInfo(
            name=name,
            type=p.type,
            baseUrl=p.base_url,
            state="active" if active == name else "standby" if p.model else "configured",
            healthy=True,
        )
        for name, p in settings.providers.items()
    ]
    return answer(ProviderList(providers=found))


async def _look_at_lmx(request: Request) -> tuple[bool, float, list[dict[str, Any]], str]:
    """(healthy, latency in ms, models, why not)."""
    loaded = gateway_of(request).loaded
    endpoint = endpoint_of(loaded.settings, loaded.paths)
    url = endpoint.url
    started = time.monotonic()
    key = (
        await asyncio.to_thread(key_of, endpoint, Vault(loaded.paths, allows_file=loaded.settings.vault_file))
        if endpoint.certificate
        else None
    )
    client = client_of(endpoint, key, "/v1")
    try:
        status, body = await client.get("/models", HEALTH_S)
        if status != 200:
            raise HttpProblem(f"status {status}")
        entries: list[dict[str, Any]] = msgspec.json.decode(body)["data"]
        return True, round((time.monotonic() - started) * 1000, 1), entries, ""
    except Stranger as stranger:
        return False, 0.0, [], str(stranger)
    except (HttpProblem, msgspec.DecodeError, KeyError, TypeError) as error:
        return False, 0.0, [], f"LMX at {url} does not answer ({error}). Start it: opta daemon restart lmx"
    finally:
        client.close()
