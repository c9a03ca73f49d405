"""The models of every provider."""

import asyncio

from opta_core import settings as setting_files
from opta_core.errors import Refused, Unavailable
from opta_core.model_servers.server_model import ServerModel
from opta_core.secrets.vault import Vault
from opta_core.settings import ENVIRONMENT, Settings
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Ok, SetDefaultModel
from opta_protocol.http_daemon import ModelInfo, ModelList

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf, body
from ..lmx_look import look_at_lmx
from ..provider_looks import ProviderLook

# Of one provider: some in the cloud list hundreds.
MODELS_MAX = 300
DEFAULT_MODEL = "default-model"

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


@routes.put("/v3/models/default")
async def set_default_model(gateway: GatewayOf, vault: VaultOf, wanted: SetDefaultModel = body(SetDefaultModel)) -> Ok:
    """Choose the model of turns that name none. The next turn uses it."""
    if (variable := gateway.loaded.origins.get(DEFAULT_MODEL, "")) in ENVIRONMENT:
        raise Refused(f"{variable} decides the default model while it is set. Unset it and run opta restart.", code=ErrorCode.conflict)
    if wanted.model not in gateway.settings().aliases:
        await _check_model(gateway, vault, wanted.model)
    await gateway.change(setting_files.write_value, gateway.loaded.paths, DEFAULT_MODEL, wanted.model)
    return Ok()


async def _check_model(gateway: Gateway, vault: Vault, wanted: str) -> None:
    """Raises Refused for a model that nobody has, Unavailable when that is not known."""
    current = gateway.settings()
    provider, _, model = wanted.partition("/")
    if not model or (provider != "lmx" and provider not in current.providers):
        names = ", ".join(["lmx", *current.providers])
        raise Refused(f"{wanted!r} names no provider. Write provider/model; the providers are {names}.", code=ErrorCode.not_found)
    if provider != "lmx":
        look = (await gateway.looks.all(current, vault))[provider]
        listed = [known.id for known in look.report.models] if look.report is not None else []
        if listed and model not in (*listed, current.providers[provider].model):
            raise Refused(f"{provider} has no model {model!r}.", code=ErrorCode.not_found)
        return
    look = await look_at_lmx(gateway, vault)
    if not look.healthy:
        raise Unavailable(f"LMX does not answer, so it is not known whether it has {model!r}. {look.reason}".rstrip())
    if model not in (known := [found.id for found in look.models]):
        raise Refused(f"LMX has no model {model!r}; it has {', '.join(known)}.", code=ErrorCode.not_found)


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
