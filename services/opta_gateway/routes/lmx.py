"""LMX's models: list, load, unload, pull. Requests are passed on with the key that opens LMX, which never leaves the daemon."""

import asyncio
from typing import Any, TypeVar

import msgspec

from opta_core.net.lmx_endpoint import ask, client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_protocol.http import LoadModel, PausePull, PullModel, UnloadModel
from opta_protocol.http_models import BenchList, ModelBench, StartBench
from opta_protocol.lmx import LmxAvailable, LmxModelDetails, LmxModels, LmxPull, LmxUnloaded

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf, body

LOOK_S, CHANGE_S, LOAD_S = 5.0, 90.0, 320.0
T = TypeVar("T")

routes = TypedRouter()


@routes.get("/v3/lmx/models")
async def list_models(gateway: GatewayOf, vault: VaultOf) -> LmxModels:
    """Every model of LMX with its state and figures, LMX's memory, and downloads."""
    return await _ask(gateway, vault, "GET", "/admin/models", None, LOOK_S, LmxModels)


@routes.get("/v3/lmx/status")
async def status(gateway: GatewayOf, vault: VaultOf) -> LmxModels:
    """The same, of loaded models alone."""
    found = await _ask(gateway, vault, "GET", "/admin/models", None, LOOK_S, LmxModels)
    return msgspec.structs.replace(found, models=[model for model in found.models if model.state != "on disk"])


@routes.post("/v3/lmx/models/load")
async def load(gateway: GatewayOf, vault: VaultOf, wanted: LoadModel = body(LoadModel)) -> LmxModelDetails:
    """Load a model; answers once it is loaded."""
    return await _ask(gateway, vault, "POST", "/admin/models/load", wanted, LOAD_S, LmxModelDetails)


@routes.post("/v3/lmx/models/unload")
async def unload(gateway: GatewayOf, vault: VaultOf, wanted: UnloadModel = body(UnloadModel)) -> LmxUnloaded:
    """Unload a model; requests that it was answering end with an error."""
    return await _ask(gateway, vault, "POST", "/admin/models/unload", wanted, CHANGE_S, LmxUnloaded)


@routes.post("/v3/lmx/models/available")
async def available(gateway: GatewayOf, vault: VaultOf, wanted: PullModel = body(PullModel)) -> LmxAvailable:
    """What a hub has: size, licence, revision. Downloads nothing."""
    repo = {"repo": wanted.repo, "revision": wanted.revision}
    return await _ask(gateway, vault, "POST", "/admin/models/available", repo, CHANGE_S, LmxAvailable)


@routes.post("/v3/lmx/models/pull", status_code=202)
async def pull(gateway: GatewayOf, vault: VaultOf, wanted: PullModel = body(PullModel)) -> LmxPull:
    """Begin a download, or continue one."""
    return await _ask(gateway, vault, "POST", "/admin/models/pull", wanted, CHANGE_S, LmxPull)


@routes.post("/v3/lmx/models/pull/pause")
async def pause(gateway: GatewayOf, vault: VaultOf, wanted: PausePull = body(PausePull)) -> LmxPull:
    """Pause a download. What was fetched stays, and pulling the same model again continues."""
    return await _ask(gateway, vault, "POST", "/admin/models/pull/pause", wanted, CHANGE_S, LmxPull)


@routes.get("/v3/lmx/bench")
async def list_benches(gateway: GatewayOf) -> BenchList:
    """How fast models of LMX are: the measurement that runs, and the last results."""
    return await asyncio.to_thread(gateway.benches.shown)


@routes.post("/v3/lmx/bench", status_code=202)
async def start_bench(gateway: GatewayOf, wanted: StartBench = body(StartBench)) -> ModelBench:
    """Measure how fast a model reads prompts and writes answers, at a few lengths. It is loaded for that. One runs at a time."""
    return await gateway.benches.start(wanted.model, gateway.settings())


@routes.post("/v3/lmx/bench/stop")
async def stop_bench(gateway: GatewayOf) -> BenchList:
    """Stop the measurement that runs. What it has measured is kept."""
    return await gateway.benches.stop()


async def _ask(gateway: Gateway, vault: Vault, method: str, path: str, wanted: Any, timeout_s: float, kind: type[T]) -> T:
    endpoint = await asyncio.to_thread(endpoint_of, gateway.settings(), gateway.loaded.paths)
    client = client_of(endpoint, await asyncio.to_thread(key_of, endpoint, vault))
    try:
        return await ask(client, method, path, wanted, kind, timeout_s)
    finally:
        client.close()
