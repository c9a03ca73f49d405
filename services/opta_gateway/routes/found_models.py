"""Models that lie on this machine, what fits its memory, and what the hub has."""

from opta_core.errors import Refused
from opta_protocol.http_models import MachineModels
from opta_protocol.lmx import LmxHubSearch

from ..endpoint import GatewayOf, TypedRouter, text
from ..machine_models import hub_models, machine_models

routes = TypedRouter()


@routes.get("/v3/models/found")
async def found_models(gateway: GatewayOf) -> MachineModels:
    """The models that lie on this machine, also in folders of other programs, and what fits its memory. Nothing is loaded or fetched."""
    host = gateway.settings().lmx.host
    if host:
        return MachineModels(isRemote=True, host=host)
    found = await machine_models(gateway.loaded)
    return MachineModels(
        models=found.catalog.models,
        problems=found.catalog.problems,
        here=found.advice.here,
        offers=found.advice.offers,
        available=found.advice.available,
        tokens=found.advice.tokens,
    )


@routes.get("/v3/models/search")
async def search_hub(gateway: GatewayOf, q: str = text("q", chars_max=200)) -> LmxHubSearch:
    """What the model hub of the settings has for the words `q`. They go to that hub, and nothing is fetched."""
    if not q.strip():
        raise Refused("Name what to search for: ?q=WORDS.")
    return await hub_models(gateway.loaded, q.strip())
