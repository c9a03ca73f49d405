"""The models of every provider."""

import asyncio

from opta_core.model_servers.server_model import ServerModel
from opta_core.settings import Settings
from opta_protocol.http_daemon import ModelInfo, ModelList

from ..endpoint import GatewayOf, TypedRouter, VaultOf
from ..lmx_look import look_at_lmx
from ..provider_looks import ProviderLook

# Of one provider: some in the cloud list hundreds.
MODELS_MAX = 300

routes = TypedRouter()


@routes.get("/v3/models")
async def list_models(gateway: GatewayOf, vault: VaultOf) -> ModelList:
    """The models of every provider, LMX first."""
    settings = gateway.settings()
    look, looks = await asyncio.gather(look_at_lmx(gateway, vault), gateway.looks.all(settings, vault))
    default = settings.aliases.get(settings.default_model, settings.default_model)
    models = [
        ModelInfo(
            id=f"lmx/{model.id}",
            provider="lmx",
            name=model.id,
            healthy=look.healthy,
            contextLimit=model.context_length,
            capability=model.capability,
            vision=model.vision,
            default=default in (model.id, f"lmx/{model.id}"),
            state=model.state,
            tools=None if model.tools is None else bool(model.tools),
        )
        for model in look.models
    ]
    for name in settings.providers:
        models += _of_provider(name, settings, looks[name], default)
    return ModelList(models=models, default=settings.default_model, aliases=settings.aliases)


def _of_provider(name: str, settings: Settings, look: ProviderLook, default: str) -> list[ModelInfo]:
    """The configured model first, then those that the server lists."""
    provider = settings.providers[name]
    listed = [model for model in look.report.models if model.is_chat] if look.report is not None else []
    known = look.report.model(provider.model) if look.report is not None and provider.model else None
    first = [known or ServerModel(id=provider.model)] if provider.model else []
    models = [*first, *(model for model in listed if model not in first)][:MODELS_MAX]
    return [
        ModelInfo(
            id=f"{name}/{model_id}",
            provider=name,
            name=model_id,
            healthy=look.is_healthy,
            contextLimit=provider.context or model.context,
            default=default == f"{name}/{model_id}",
            state=model.state,
            tools=model.tools,
            vision=model.vision,
            thinking=model.thinking,
        )
        for model in models
        for model_id in (provider.model if model is known else model.id,)
    ]
