"""What a diagnosis asks the servers of models, and which of them a turn needs."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec

from opta_core.errors import OptaError
from opta_core.net.lmx_endpoint import ask, client_of, endpoint_of, key_of
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings
from opta_protocol.http_triage import ModelFacts, ProviderFacts, RouteFacts
from opta_protocol.lmx import LmxModels

from .app import Gateway
from .lmx_look import LmxLook, look_at_lmx
from .provider_looks import ProviderLook
from .triage_session import SessionPart

LOOK_S, ADMIN_S = 4.5, 2.0
T = TypeVar("T")


class RouteLooks(msgspec.Struct, frozen=True, kw_only=True):
    """What the servers of models said just now. `models` is None when LMX did not say."""

    settings: Settings
    lmx: LmxLook
    providers: dict[str, ProviderLook]
    models: LmxModels | None


async def look_at_servers(gateway: Gateway, vault: Vault) -> RouteLooks:
    """Ask all servers at once; none for longer than `LOOK_S`."""
    settings = gateway.settings()
    lmx, looks, models = await asyncio.gather(
        _within(look_at_lmx(gateway, vault), LmxLook(url="", reason=f"LMX does not answer within {LOOK_S:g} s.")),
        _within(gateway.looks.all(settings, vault, is_new=True), dict[str, ProviderLook]()),
        _within(_lmx_models(gateway, settings, vault), None),
    )
    return RouteLooks(settings=settings, lmx=lmx, providers=looks, models=models)


async def _within(look: Awaitable[T], otherwise: T) -> T:
    """The result of a look, or `otherwise` when it takes too long or cannot be made."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await look
    except (TimeoutError, OptaError, ValueError, OSError):
        return otherwise


def wanted_model(looked: RouteLooks, part: SessionPart | None, chosen: str = "") -> str:
    """The model of the running turn, or else the one that the next turn has, as `provider/model`. `chosen`: by the client, for the next message.

    A turn that failed does not decide: a person may have chosen another model since then, and a resumed turn uses that.
    """
    settings = looked.settings
    turn = part.turn if part else None
    model = turn.model if turn is not None and not turn.endedAt else chosen
    model = model or (part.session.model if part else "") or settings.default_model
    return _full_name(settings.aliases.get(model, model), looked)


def _full_name(model: str, looked: RouteLooks) -> str:
    """`provider/model` of a model's name, as the agent finds it."""
    head, _, tail = model.partition("/")
    if tail and (head == "lmx" or head in looked.settings.providers):
        return model
    if any(each.id == model for each in looked.lmx.models):
        return f"lmx/{model}"
    for name, provider in looked.settings.providers.items():
        look = looked.providers.get(name)
        if provider.model == model or (look is not None and look.report is not None and look.report.model(model) is not None):
            return f"{name}/{model}"
    return model


def route_facts(
    looked: RouteLooks, model: str, part: SessionPart | None, worker: dict[str, Any], problems: list[str], broken: str
) -> RouteFacts:
    """Step 1 as evidence. `worker`: figures of the tool worker, empty while it does not report; `problems`, `broken`: of files of rules and of settings."""
    wanted = model.partition("/")[0]
    has_lmx = looked.lmx.healthy or wanted == "lmx"
    providers = [
        ProviderFacts(
            name="lmx",
            healthy=looked.lmx.healthy,
            reason=looked.lmx.reason,
            latencyMs=looked.lmx.latency_ms,
            isWanted=wanted == "lmx",
            isOurs=not looked.settings.lmx.host,
        )
    ] * has_lmx
    for name, provider in looked.settings.providers.items():
        look = looked.providers.get(name, ProviderLook("", reason=f"It does not answer within {LOOK_S:g} s."))
        is_fallback = name != wanted and provider.fallback is not False
        providers.append(
            ProviderFacts(
                name=name,
                healthy=look.is_healthy,
                reason=look.reason.replace("NAME", name),
                latencyMs=look.latency_ms,
                isWanted=name == wanted,
                isFallback=is_fallback,
            )
        )
    turn = part.turn if part else None
    return RouteFacts(
        model=model,
        mode=(turn.mode if turn else part.session.mode).value if part else "",
        level=(turn.level if turn else part.session.level).name if part else "",
        policy=part.session.policy.value if part else "",
        trust="trusted" if part and part.session.trusted else "",
        sandbox=str(worker.get("sandbox", "")),
        sandboxReason=str(worker.get("sandboxReason", "")),
        wantsSandbox=looked.settings.sandbox.enabled,
        providers=providers,
        lmx=_model_facts(looked.models, model.removeprefix("lmx/")) if looked.models is not None and wanted == "lmx" else None,
        policyProblems=problems,
        settingsProblem=broken,
    )


async def _lmx_models(gateway: Gateway, settings: Settings, vault: Vault) -> LmxModels | None:
    endpoint = await asyncio.to_thread(endpoint_of, settings, gateway.loaded.paths)
    client = client_of(endpoint, await asyncio.to_thread(key_of, endpoint, vault))
    try:
        return await ask(client, "GET", "/admin/models", None, LmxModels, ADMIN_S)
    finally:
        client.close()


def _model_facts(models: LmxModels, name: str) -> ModelFacts:
    found = next((model for model in models.models if model.id == name), None)
    loaded = sorted((model for model in models.models if model.state == "loaded" and model.id != name), key=lambda each: -each.memory)
    memory = models.memory
    return ModelFacts(
        state=found.state if found else "",
        problem=found.problem if found else "",
        memoryUsed=memory.used if memory else 0,
        memoryLimit=memory.limit if memory else 0,
        memoryLevel=memory.level if memory else "",
        others=[model.id for model in loaded],
    )
