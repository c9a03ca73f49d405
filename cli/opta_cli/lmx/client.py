"""Requests to LMX without the daemon, on this machine or on a paired one."""

import asyncio
from typing import Any, TypeVar

from opta_core.net import lmx_endpoint
from opta_core.net.http_client import HttpClient
from opta_core.net.lmx_endpoint import Endpoint, client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_core.settings import LoadedSettings

T = TypeVar("T")
ANSWER_S = 320.0


def endpoint_here(loaded: LoadedSettings) -> Endpoint:
    """LMX's endpoint in the current settings."""
    return endpoint_of(loaded.settings, loaded.paths)


def open_client(loaded: LoadedSettings) -> HttpClient:
    """An HTTP client with LMX's key. The caller must close it. Raises OptaError."""
    endpoint = endpoint_here(loaded)
    return client_of(endpoint, key_of(endpoint, Vault(loaded.paths, allows_file=loaded.settings.vault_file)))


def ask(loaded: LoadedSettings, method: str, path: str, kind: type[T], body: Any = None, timeout_s: float = ANSWER_S) -> T:
    """Send one request and decode the response as `kind` (see `opta_protocol.lmx`). Raises OptaError with LMX's message."""
    return asyncio.run(_ask(loaded, method, path, kind, body, timeout_s))


async def _ask(loaded: LoadedSettings, method: str, path: str, kind: type[T], body: Any, timeout_s: float) -> T:
    client = open_client(loaded)
    try:
        return await lmx_endpoint.ask(client, method, path, body, kind, timeout_s)
    finally:
        client.close()
