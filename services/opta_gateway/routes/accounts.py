"""The keys of providers. They can be stored and removed, and are never sent to a client."""

import asyncio

import msgspec

from opta_core.errors import Refused
from opta_core.secrets.vault import Secret, Vault
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import StoreAccount
from opta_protocol.http_lists import AccountInfo, AccountList
from opta_protocol.http_settings import SettingChange

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf, body

NAME_CHARS_MAX = 64

routes = TypedRouter()


@routes.get("/v3/accounts")
async def list_accounts(vault: VaultOf) -> AccountList:
    """The stored keys: their names, last characters, and where they are kept."""
    accounts = await asyncio.to_thread(vault.accounts)
    return AccountList(accounts=[msgspec.convert(account, AccountInfo, from_attributes=True) for account in accounts])


@routes.put("/v3/accounts/{name}")
async def store_account(gateway: GatewayOf, vault: VaultOf, name: str, wanted: StoreAccount = body(StoreAccount)) -> SettingChange:
    """Add a key, or replace it. Running requests keep the old one, the next uses the new one."""
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Refused(f"An account has a name of 1 to {NAME_CHARS_MAX} printable characters.")
    before = await asyncio.to_thread(_shown, vault, name)
    account = await gateway.change(vault.store, name, Secret(wanted.key))
    return _change(gateway, name, before, account.shown, account.kept)


@routes.delete("/v3/accounts/{name}")
async def remove_account(gateway: GatewayOf, vault: VaultOf, name: str) -> SettingChange:
    """Remove a key."""
    known = await asyncio.to_thread(vault.accounts)
    if not await gateway.change(vault.remove, name):
        raise Refused(f"There is no key for {name[:40]!r}.", code=ErrorCode.not_found)
    account = next(account for account in known if account.name == name)
    return _change(gateway, name, account.shown, "", account.kept)


def _shown(vault: Vault, name: str) -> str:
    """The last characters of a stored key; '' for none."""
    return next((account.shown for account in vault.accounts() if account.name == name), "")


def _change(gateway: Gateway, name: str, old: str, new: str, kept: str) -> SettingChange:
    """What was changed: the key itself is never a part of it. Running requests go on with the old one."""
    where = "the keychain of this machine" if kept == "keychain" else str(gateway.loaded.paths.home / "vault")
    return SettingChange(file=where, key=name, old=old, new=new, applies="turn")
