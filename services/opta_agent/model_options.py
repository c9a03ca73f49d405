"""How one model is asked: sampling, the room for its answer, and thinking, from the settings of the user and of the project."""

from typing import Any

import msgspec

from opta_core.project_settings import of_model
from opta_core.provider_settings import ModelSettings, ProjectSettings, SamplingSettings, ThinkingLevel, thinking_level
from opta_core.settings import Settings

# The longest answer that is asked for, and the one where the context is not known.
ANSWER_TOKENS_MAX, ANSWER_TOKENS_UNKNOWN = 32_768, 8192
# Of the context, for an answer whatever the prompt takes: the server says when that is too much.
ANSWER_SHARE_MIN = 1 / 8
BYTES_A_TOKEN = 4
_SAMPLING = tuple(SamplingSettings.__struct_fields__)


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`sampling`: by the names of the chat API. `answer_tokens`: the longest answer, 0 for what the context leaves.

    `thinking_budget`: tokens of one turn, 0 for no limit. `can_think`: what the server says of the model; None: nothing.
    """

    sampling: dict[str, Any] = {}
    answer_tokens: int = 0
    thinking: ThinkingLevel = "auto"
    thinking_budget: int = 0
    can_think: bool | None = None
    # The program that serves the model (`ServerReport.kind`).
    server: str = ""


def user_options(settings: Settings, provider: str, model: str, *, can_think: bool | None, server: str) -> ModelOptions:
    """The options that the user's settings give a model; those of the model count more than those of its provider."""
    options = ModelOptions(
        thinking=thinking_level(settings.thinking), thinking_budget=settings.thinking_budget, can_think=can_think, server=server
    )
    known = settings.providers.get(provider)
    return _over(options, known.options if known is not None else None, of_model(settings.models, provider, model))


def with_project(options: ModelOptions, project: ProjectSettings, provider: str, model: str) -> ModelOptions:
    """The same with what the project sets, which counts more."""
    if project.thinking is not None:
        options = msgspec.structs.replace(options, thinking=thinking_level(project.thinking))
    if project.thinking_budget is not None:
        options = msgspec.structs.replace(options, thinking_budget=project.thinking_budget)
    known = project.providers.get(provider)
    return _over(options, known.options if known is not None else None, of_model(project.models, provider, model))


def answer_tokens(options: ModelOptions, context_limit: int, prompt_bytes: int) -> int:
    """The longest answer to ask for: a server's default may be far smaller than what the context leaves."""
    if options.answer_tokens:
        return options.answer_tokens
    if not context_limit:
        return ANSWER_TOKENS_UNKNOWN
    left = context_limit - prompt_bytes // BYTES_A_TOKEN
    return max(1, min(ANSWER_TOKENS_MAX, max(left, int(context_limit * ANSWER_SHARE_MIN))))


def _over(options: ModelOptions, provider: SamplingSettings | None, models: list[ModelSettings]) -> ModelOptions:
    sampling = dict(options.sampling)
    changed: dict[str, Any] = {}
    for layer in [*([provider] if provider is not None else []), *models]:
        sampling |= {name: value for name in _SAMPLING if (value := getattr(layer, name)) is not None}
        if isinstance(layer, ModelSettings) and layer.thinking is not None:
            changed["thinking"] = thinking_level(layer.thinking)
        if isinstance(layer, ModelSettings) and layer.thinking_budget is not None:
            changed["thinking_budget"] = layer.thinking_budget
    changed["answer_tokens"] = sampling.pop("max_tokens", options.answer_tokens)
    return msgspec.structs.replace(options, sampling=sampling, **changed)
