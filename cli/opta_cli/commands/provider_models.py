"""The models of the user's providers, as their servers list them now."""

import asyncio
from typing import Any

import msgspec

from opta_core.errors import OptaError
from opta_core.model_servers.adding import look_at_provider
from opta_core.model_servers.server_model import ServerModel
from opta_core.secrets.vault import Vault
from opta_core.settings import LoadedSettings

from ..plain_text import print_plain

# A list in the cloud has hundreds; `--json` shows them all.
SHOWN_MAX = 40


class ProviderModels(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider has. `problem`: why its server does not answer; `program`: what serves it, as far as that is known."""

    name: str
    program: str = ""
    models: list[ServerModel] = []
    problem: str = ""


async def look_at_all(loaded: LoadedSettings) -> list[ProviderModels]:
    """Every provider at once, in the order of the settings."""
    vault = Vault(loaded.paths, allows_file=loaded.settings.vault_file)
    return list(await asyncio.gather(*(_look(loaded, vault, name) for name in loaded.settings.providers)))


def print_look(look: ProviderModels, default: str) -> None:
    """The models of one provider, one a line, with the context that is in force and what they can."""
    if look.problem:
        print_plain(f"{look.name}: {look.problem}")
    for model in look.models[:SHOWN_MAX]:
        id_ = f"{look.name}/{model.id}"
        context = f"{model.context:>7} tokens" if model.context else "context unknown"
        can = [word for word, said in (("tools", model.tools), ("images", model.vision), ("thinking", model.thinking)) if said]
        notes = [*([model.state] if model.state else []), *(["default"] if id_ == default else []), *can]
        print_plain(f"{id_:46} {context}" + (f"  {', '.join(notes)}" if notes else ""))
    if len(look.models) > SHOWN_MAX:
        print_plain(f"    and {len(look.models) - SHOWN_MAX} more of {look.name}: opta models list --json")


async def _look(loaded: LoadedSettings, vault: Vault, name: str) -> ProviderModels:
    provider = loaded.settings.providers[name]
    # The one of the settings may be missing in the list, or be all that is known.
    wanted = [ServerModel(id=provider.model, context=provider.context)] if provider.model else []
    try:
        key = await asyncio.to_thread(vault.fetch, name)
        report = await look_at_provider(name, provider, key, loaded.settings, loaded.paths)
    except OptaError as error:
        return ProviderModels(name=name, models=wanted, problem=f"its server does not answer ({error.message})")
    listed = [_with_settings(loaded, name, model) for model in report.models if model.is_chat]
    known = {model.id for model in listed} | {model.id.removesuffix(":latest") for model in listed}
    return ProviderModels(name=name, program=report.kind, models=[*(model for model in wanted if model.id not in known), *listed])


def _with_settings(loaded: LoadedSettings, name: str, model: ServerModel) -> ServerModel:
    """A model with the context that the settings state, which counts more than what its server says."""
    settings: dict[str, Any] = {
        key: loaded.settings.models[key].context for key in (model.id, f"{name}/{model.id}") if key in loaded.settings.models
    }
    stated = next((context for context in reversed(settings.values()) if context), 0) or loaded.settings.providers[name].context
    return msgspec.structs.replace(model, context=stated or model.context)
