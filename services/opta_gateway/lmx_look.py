"""What LMX answers just now."""

import asyncio
import time

import msgspec

from opta_core.net.http_client import HttpProblem, UnverifiedServer
from opta_core.net.lmx_endpoint import client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_protocol.lmx import LmxModelDetails, LmxModelList

from .app import Gateway

HEALTH_S = 2.0


class LmxLook(msgspec.Struct, frozen=True, kw_only=True):
    """What LMX answered just now. `reason` says why it is not healthy."""

    url: str
    healthy: bool = False
    latency_ms: float = 0.0
    models: list[LmxModelDetails] = []
    reason: str = ""


async def look_at_lmx(gateway: Gateway, vault: Vault) -> LmxLook:
    """Ask LMX for its models."""
    endpoint = await asyncio.to_thread(endpoint_of, gateway.settings(), gateway.loaded.paths)
    url, started = endpoint.url, time.monotonic()
    key = await asyncio.to_thread(key_of, endpoint, vault) if endpoint.certificate else None
    client = client_of(endpoint, key, "/v1")
    try:
        status, body = await client.get("/models", HEALTH_S)
        if status != 200:
            raise HttpProblem(f"status {status}")
        models = msgspec.json.decode(body, type=LmxModelList).data
        return LmxLook(url=url, healthy=True, latency_ms=round((time.monotonic() - started) * 1000, 1), models=models)
    except UnverifiedServer as stranger:
        return LmxLook(url=url, reason=str(stranger))
    except (HttpProblem, msgspec.DecodeError) as error:
        return LmxLook(url=url, reason=f"LMX at {url} does not answer ({error}). Start it: opta daemon restart lmx")
    finally:
        client.close()
