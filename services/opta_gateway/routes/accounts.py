"""Keys of providers: they go in, and never out."""

import asyncio

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.secrets.vault import Secret, Vault
from opta_protocol.errors import ErrorCode
from opta_protocol.http import Ok, StoreAccount

from ..rest import answer, describes, gateway_of, read_body

router = APIRouter()


@router.get("/v3/accounts")
async def list_accounts(request: Request) -> Response:
    """Which keys there are: names, last characters, where they lie."""
    return answer({"accounts": [msgspec.to_builtins(account) for account in _vault(request).accounts()]})


@router.put("/v3/accounts/{name}", openapi_extra=describes(Ok, StoreAccount))
async def store_account(request: Request, name: str) -> Response:
    """Add a key, or replace it; running requests keep the old one, the next uses the new one."""
    wanted = await read_body(request, StoreAccount)
    if not 0 < len(name) <= 64 or not name.isprintable():
        raise Refused("An account has a name of 1 to 64 printable characters.")
    await asyncio.to_thread(_vault(request).store, name, Secret(wanted.key))
    return answer(Ok())


@router.delete("/v3/accounts/{name}", openapi_extra=describes(Ok))
async def remove_account(request: Request, name: str) -> Response:
    """Forget a key."""
    if not await asyncio.to_thread(_vault(request).remove, name):
        raise Refused(f"There is no key for {name[:40]!r}.", code=ErrorCode.not_found)
    return answer(Ok())


def _vault(request: Request) -> Vault:
    loaded = gateway_of(request).loaded
    return Vault(loaded.paths, allows_file=loaded.settings.vault_file)
