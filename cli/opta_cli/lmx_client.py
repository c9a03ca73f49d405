"""Asks LMX itself, ours or the one that was paired with: what the daemon is not needed for."""

import asyncio
from typing import Any

from opta_core import lmx_door
from opta_core.http_client import HttpClient
from opta_core.lmx_door import Door, client_of, door_of, key_of
from opta_core.settings import Loaded
from opta_core.vault import Vault

ANSWER_S = 320.0


def door_here(loaded: Loaded) -> Door:
    """The way to LMX, as it is configured now."""
    return door_of(loaded.settings, loaded.paths)


def open_client(loaded: Loaded) -> HttpClient:
    """A client with the key that opens it. Raises OptaError."""
    door = door_here(loaded)
    return client_of(door, key_of(door, Vault(loaded.paths, allows_file=loaded.settings.vault_file)))


def ask(loaded: Loaded, method: str, path: str, body: Any = None, timeout_s: float = ANSWER_S) -> dict[str, Any]:
    """One request. Raises OptaError with LMX's own words."""
    return asyncio.run(_ask(loaded, method, path, body, timeout_s))


async def _ask(loaded: Loaded, method: str, path: str, body: Any, timeout_s: float) -> dict[str, Any]:
    client = open_client(loaded)
    try:
        return await lmx_door.ask(client, method, path, body, timeout_s)
    finally:
        client.close()
