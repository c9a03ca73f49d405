"""Asks LMX itself, ours or the one that was paired with: what the daemon is not needed for."""

import asyncio
from typing import Any

from opta_core.net import lmx_endpoint
from opta_core.net.http_client import HttpClient
from opta_core.net.lmx_endpoint import Endpoint, client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_core.settings import Loaded

ANSWER_S = 320.0


def endpoint_here(loaded: Loaded) -> Endpoint:
    """The way to LMX, as it is configured now."""
    return endpoint_of(loaded.settings, loaded.paths)


def open_client(loaded: Loaded) -> HttpClient:
    """A client with the key that opens it. Raises OptaError."""
    endpoint = endpoint_here(loaded)
    return client_of(endpoint, key_of(endpoint, Vault(loaded.paths, allows_file=loaded.settings.vault_file)))


def ask(loaded: Loaded, method: str, path: str, body: Any = None, timeout_s: float = ANSWER_S) -> dict[str, Any]:
    """One request. Raises OptaError with LMX's own words."""
    return asyncio.run(_ask(loaded, method, path, body, timeout_s))


async def _ask(loaded: Loaded, method: str, path: str, body: Any, timeout_s: float) -> dict[str, Any]:
    client = open_client(loaded)
    try:
        return await lmx_endpoint.ask(client, method, path, body, timeout_s)
    finally:
        client.close()
