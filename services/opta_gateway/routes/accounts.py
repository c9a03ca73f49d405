"""The keys of providers. They can be stored and removed, and are never sent to a client."""

import asyncio

import msgspec

from opta_core.errors import Refused
from opta_core.secrets.vault import Secret
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Ok, StoreAccount
from opta_protocol.http_lists import AccountInfo, AccountList

from ..endpoint import GatewayOf, TypedRouter, VaultOf, body

NAME_CHARS_MAX = 64

routes = TypedRouter()


@routes.get("/v3/accounts")
async def list_accounts(vault: VaultOf) -> AccountList:
    """The stored keys: their names, last characters, and where they are kept."""
    accounts = await asyncio.to_thread(vault.accounts)
    return AccountList(accounts=[msgspec.convert(account, AccountInfo, from_attributes=True) for account in accounts])


@routes.put("/v3/accounts/{name}")
async def store_account(gateway: GatewayOf, vault: VaultOf, name: str, wanted: StoreAccount = body(StoreAccount)) -> Ok:
    """Add a key, or replace it. Running requests keep the old one, the next uses the new one."""
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Refused(f"An account has a name of 1 to {NAME_CHARS_MAX} printable characters.")
    await gateway.change(vault.store, name, Secret(wanted.key))
    return Ok()


@routes.delete("/v3/accounts/{name}")
async def remove_account(gateway: GatewayOf, vault: VaultOf, name: str) -> Ok:
    """Remove a key."""
    if not await gateway.change(vault.remove, name):
        raise Refused(f"There is no key for {name[:40]!r}.", code=ErrorCode.not_found)
    return Ok()
