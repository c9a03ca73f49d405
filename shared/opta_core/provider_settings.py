"""Settings of providers and models: where a provider is, how its models sample, how they think.

A project's own file may set what these say about sampling and thinking, and nothing that decides where a prompt or a key goes.
"""

import re
from typing import Any, Literal

import msgspec

from .diagnostics_settings import ProjectDiagnostics
from .errors import Refused

PROVIDER_TYPES = ("openai", "anthropic", "lmx")
# The name of LMX itself, which needs no entry.
RESERVED = "lmx"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

ThinkingLevel = Literal["auto", "off", "on", "low", "medium", "high"]
LEVELS: tuple[ThinkingLevel, ...] = ("auto", "off", "on", "low", "medium", "high")

# Key of a sampling option -> the values that servers take.
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 5),
    "top-p": (0, 1),
    "min-p": (0, 1),
    "top-k": (0, 1_000_000),
    "presence-penalty": (-2, 2),
    "frequency-penalty": (-2, 2),
    "repetition-penalty": (0, 5),
    "seed": (0, 2**53),
    "max-tokens": (1, 10_000_000),
}


class SamplingSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """How answers are sampled. What is not set is not sent."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    # The longest answer, in tokens; not set: as long as the context has room.
    max_tokens: int | None = None


class ModelSettings(SamplingSettings, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What is set for one model: `models."provider/model"`, or `models."model"` at any provider."""

    # Tokens that the model can read; 0: what its server says.
    context: int = 0
    thinking: ThinkingLevel | bool | None = None
    thinking_budget: int | None = None
    # Variables of the chat template of a model that LMX serves: `models.NAME.template-arguments.enable_thinking`.
    template_arguments: dict[str, bool | int | float | str] = {}


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A configured provider of models."""

    type: str
    # Where its API is. LMX on another machine may be named by `host` alone.
    base_url: str = ""
    host: str = ""
    model: str = ""
    context: int = 0
    # Whether a turn may go here in the place of another provider. Not set: when that one takes no connection, or is LMX; true: also when
    # it answers with errors; false: never.
    fallback: bool | None = None
    options: SamplingSettings = SamplingSettings()


class ProjectProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one table of a provider that a project may set."""

    options: SamplingSettings = SamplingSettings()


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What `.opta/config.toml` of a project may set.

    `aliases`: names for models of the user's providers, where the user's settings and servers know none of that name. `diagnostics` counts
    in a folder that the user trusts (`project_settings.check_commands`).
    """

    thinking: ThinkingLevel | bool | None = None
    thinking_budget: int | None = None
    providers: dict[str, ProjectProvider] = {}
    models: dict[str, ModelSettings] = {}
    aliases: dict[str, str] = {}
    diagnostics: ProjectDiagnostics = ProjectDiagnostics()


def thinking_level(value: ThinkingLevel | bool) -> ThinkingLevel:
    """A level, of a level or of `true` and `false`."""
    return value if isinstance(value, str) else "on" if value else "off"


def check_providers(providers: dict[str, ProviderSettings]) -> None:
    """Raises Refused for a provider that cannot be used."""
    for name, provider in providers.items():
        if not NAME.fullmatch(name) or name == RESERVED:
            raise Refused(f"A provider cannot be named {name[:80]!r}: a name has 1 to 64 letters, digits, - and _, and lmx is LMX itself.")
        if provider.type not in PROVIDER_TYPES:
            raise Refused(
                f"Provider {name} has type {provider.type!r}; it must be openai (any OpenAI-compatible server), anthropic (the Messages API) or lmx."
            )
        if provider.host and provider.type != "lmx":
            raise Refused(f"Provider {name} has a host; only providers of type lmx do. Give its address as base-url.")
        if not (provider.base_url or provider.host):
            wanted = "a host or a base-url" if provider.type == "lmx" else "a base-url"
            raise Refused(f"Provider {name} needs {wanted}: opta config add-provider {name} --type {provider.type} --base-url URL")
        if provider.context < 0:
            raise Refused(f"Provider {name} has context {provider.context}; it must be a number of tokens (0: what its server says).")
        check_sampling(provider.options, f"providers.{name}.options")


def check_models(models: dict[str, ModelSettings]) -> None:
    """Raises Refused for an option out of its range."""
    for name, model in models.items():
        check_sampling(model, f'models."{name}"')
        if model.context < 0:
            raise Refused(f'models."{name}".context is {model.context}; it must be a number of tokens (0: what its server says).')
        if model.thinking_budget is not None:
            check_budget(model.thinking_budget, f'models."{name}".thinking-budget')


def check_budget(tokens: int, key: str) -> None:
    """Raises Refused when a budget is no number of tokens."""
    if not 0 <= tokens <= 10_000_000:
        raise Refused(f"{key} is {tokens}; it must be a number of tokens (0: no limit).")


def check_sampling(options: SamplingSettings, where: str) -> None:
    """Raises Refused for an option out of its range."""
    given: dict[str, Any] = msgspec.to_builtins(options)
    for key, (low, high) in _RANGES.items():
        value = given.get(key)
        if value is not None and not low <= value <= high:
            raise Refused(f"{where}.{key} is {value}; it must be from {low:g} to {high:g}.")
