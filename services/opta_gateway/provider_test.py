"""A test of one provider: is its server there, and does a real turn of a few words end? It goes to that provider alone."""

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.secrets.vault import Vault
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_settings import ProviderTested, ProviderTestRequest

from .app import Gateway
from .lmx_look import look_at_lmx
from .probe_turn import send_probe

PROBE_S, PING_S = 30.0, 1.0


async def try_provider(gateway: Gateway, vault: Vault, wanted: ProviderTestRequest) -> ProviderTested:
    """Look at the provider, and send the probe to its model. Raises Refused for a provider that is not configured."""
    found, models = await _look(gateway, vault, wanted.name)
    model = wanted.model.removeprefix(f"{wanted.name}/") or found.model or next(iter(models), "")
    found = msgspec.structs.replace(found, model=model, models=len(models))
    if not found.healthy:
        return found
    if not model:
        return msgspec.structs.replace(found, reason="Its server lists no model. Name one.")
    for service, ping in (("agent", gateway.agent.ping), ("tools", gateway.worker.ping)):
        try:
            await ping(PING_S)
        except (TimeoutError, OptaError):
            return msgspec.structs.replace(found, reason=f"The {service} process does not answer, so no turn would end: opta daemon status")
    if gateway.probing.locked():
        return msgspec.structs.replace(found, reason="Another test runs. Try again when it has ended.")
    async with gateway.probing:
        facts = await send_probe(gateway, f"{wanted.name}/{model}", PROBE_S)
    late = f"The turn did not end within {PROBE_S:g} s; it was waiting for: {facts.waiting}." if facts.state == "late" else ""
    return msgspec.structs.replace(
        found,
        state="ok" if facts.state == "ok" else "late" if facts.state == "late" else "failed",
        reason=facts.reason or late,
        answer=facts.answer,
        tool=facts.tool,
        firstTokenMs=facts.firstTokenMs,
        elapsedMs=facts.elapsedMs,
    )


async def _look(gateway: Gateway, vault: Vault, name: str) -> tuple[ProviderTested, list[str]]:
    """(whether its server answers just now, the models that it lists)."""
    current = gateway.settings()
    default = current.aliases.get(current.default_model, current.default_model)
    usual = default.removeprefix(f"{name}/") if default.startswith(f"{name}/") else ""
    if name == "lmx":
        lmx = await look_at_lmx(gateway, vault)
        known = ProviderTested(name=name, healthy=lmx.healthy, latencyMs=lmx.latency_ms, reason=lmx.reason, model=usual)
        return known, [model.id for model in lmx.models]
    if name not in current.providers:
        names = ", ".join(["lmx", *current.providers])
        raise Refused(f"There is no provider {name!r}; the providers are {names}.", code=ErrorCode.not_found)
    look = (await gateway.looks.all(current, vault, is_new=True))[name]
    known = ProviderTested(
        name=name,
        healthy=look.is_healthy,
        latencyMs=look.latency_ms,
        reason=look.reason.replace("NAME", name),
        model=current.providers[name].model or usual,
    )
    return known, [model.id for model in look.report.models if model.is_chat] if look.report is not None else []
