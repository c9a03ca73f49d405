"""LMX's models: what there is, load, unload, pull. Passed on with the key that opens LMX, which never leaves the daemon."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.net.lmx_endpoint import ask, client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_protocol.http import LmxModels, LoadModel, Ok, PullModel, UnloadModel

from ..rest import answer, describes, gateway_of, read_body

LOOK_S, CHANGE_S, LOAD_S = 5.0, 90.0, 320.0

router = APIRouter()


@router.get("/v3/lmx/models", openapi_extra=describes(LmxModels))
async def list_models(request: Request) -> Response:
    """Every model of LMX with its state and figures, LMX's memory, and downloads."""
    return answer(await _ask(request, "GET", "/admin/models", None, LOOK_S))


@router.get("/v3/lmx/status", openapi_extra=describes(LmxModels))
async def status(request: Request) -> Response:
    """The same, of loaded models alone."""
    found = await _ask(request, "GET", "/admin/models", None, LOOK_S)
    return answer({**found, "models": [model for model in found["models"] if model["state"] != "on disk"]})


@router.post("/v3/lmx/models/load", openapi_extra=describes(Ok, LoadModel))
async def load(request: Request) -> Response:
    """Load a model; answers once it is loaded."""
    return answer(await _ask(request, "POST", "/admin/models/load", await read_body(request, LoadModel), LOAD_S))


@router.post("/v3/lmx/models/unload", openapi_extra=describes(Ok, UnloadModel))
async def unload(request: Request) -> Response:
    """Put a model away; what it was answering ends with an error."""
    return answer(await _ask(request, "POST", "/admin/models/unload", await read_body(request, UnloadModel), CHANGE_S))


@router.post("/v3/lmx/models/available", openapi_extra=describes(Ok, PullModel))
async def available(request: Request) -> Response:
    """What a hub has: size, licence, revision. Fetches nothing."""
    wanted = await read_body(request, PullModel)
    return answer(await _ask(request, "POST", "/admin/models/available", {"repo": wanted.repo, "revision": wanted.revision}, CHANGE_S))


@router.post("/v3/lmx/models/pull", openapi_extra=describes(Ok, PullModel, 202))
async def pull(request: Request) -> Response:
    """Begin, or go on with, a download."""
    return answer(await _ask(request, "POST", "/admin/models/pull", await read_body(request, PullModel), CHANGE_S), 202)


async def _ask(request: Request, method: str, path: str, body: Any, timeout_s: float) -> dict[str, Any]:
    loaded = gateway_of(request).loaded
    endpoint = endpoint_of(loaded.settings, loaded.paths)
    key = await asyncio.to_thread(key_of, endpoint, Vault(loaded.paths, allows_file=loaded.settings.vault_file))
    client = client_of(endpoint, key)
    try:
        return await ask(client, method, path, body, timeout_s)
    finally:
        client.close()
