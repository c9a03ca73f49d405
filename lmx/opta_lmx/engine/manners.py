"""A model's own manners: how it is sampled and whether it thinks when a request does not say.

From `generation_config.json` in the model's folder, and over it from what the user sets for the model (`models.NAME.…`). A request that
asks for temperature 0 is answered with the most likely tokens and nothing else, so that it is the same everywhere.
"""

import json
import math
from pathlib import Path
from typing import Any

import msgspec

from opta_core.logs import Log

from ..ipc.messages import Generate, ModelPreset
from ..json_values import as_object

# Field of an order, which is also its name in generation_config.json -> the values that the sampler takes.
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 5),
    "top_p": (0, 1),
    "top_k": (0, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0, 5),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_UNSET = {field.name: field.default for field in msgspec.structs.fields(Generate)}

log = Log("engine.manners")


class Manners:
    """The manners of one model. `preset`: what the user sets for it."""

    def __init__(self, folder: Path, preset: ModelPreset):
        self._preset = preset
        self.sampling = {
            **_of_generation_config(folder),
            **{name: value for name in _RANGES if (value := getattr(preset, name)) is not None},
        }

    def applied(self, order: Generate) -> Generate:
        """An order with the model's manners in place of what its request leaves open."""
        said = {name for name in _RANGES if name in order.chosen or getattr(order, name) != _UNSET[name]}
        is_greedy = "temperature" in said and not order.temperature
        more: dict[str, Any] = {} if is_greedy else {name: value for name, value in self.sampling.items() if name not in said}
        if order.seed is None and self._preset.seed is not None:
            more["seed"] = self._preset.seed
        if order.thinking is None and not order.effort:
            more |= {"thinking": self._preset.thinking, "effort": self._preset.effort}
        # An order without tokens to answer only counts those of its prompt.
        if self._preset.max_tokens and order.max_tokens and "max_tokens" not in order.chosen:
            more["max_tokens"] = self._preset.max_tokens
        if not order.thinking_budget:
            more["thinking_budget"] = self._preset.thinking_budget
        if self._preset.template_arguments:
            more["template_arguments"] = {**self._preset.template_arguments, **order.template_arguments}
        return msgspec.structs.replace(order, **more)

    def context_length(self, config: dict[str, Any]) -> int:
        """Tokens of a conversation, 0 for unknown: the limit of the model's config.json, or less where the user sets less."""
        text = as_object(config.get("text_config")) or {}
        of_the_model = int(config.get("max_position_embeddings") or text.get("max_position_embeddings") or 0)
        lengths = [length for length in (of_the_model, self._preset.context) if length]
        return min(lengths, default=0)


def _of_generation_config(folder: Path) -> dict[str, Any]:
    """The sampling that a model's folder asks for; {} when it asks for none."""
    file = folder / "generation_config.json"
    try:
        given = as_object(json.loads(file.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("the model's sampling cannot be read", file=file, reason=error)
        return {}
    if given is None:
        return {}
    if given.get("do_sample") is False:
        return {}
    found = {name: value for name in _RANGES if (value := _number(given.get(name), name)) is not None}
    # A model that samples and names no temperature samples at 1, the default of that file.
    return {"temperature": 1.0, **found} if given.get("do_sample") is True else found


def _number(value: Any, name: str) -> float | None:
    low, high = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        return None
    # A penalty of 1 and a share of 0 change nothing.
    if (name == "repetition_penalty" and value in (0, 1)) or (name == "top_p" and not value):
        return None
    return int(value) if name == "top_k" else float(value)
