"""Reads a LoRA adapter from its folder, as mlx-lm or as PEFT writes it, into one change per layer."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...json_values import as_object
from ..mlx_adapter import mx

_PEFT_PREFIX = "base_model.model."


class AdapterError(ValueError):
    """An adapter that cannot be used with this model; the text says why."""


class LayerChange(msgspec.Struct, frozen=True):
    """The change of one layer: y + scale * (x @ a) @ b, with `a` of shape (input, rank) and `b` of shape (rank, output).

    Of a layer of experts, both have the expert as first axis, and their other axes are swapped. Source: Hu et al., LoRA (2021).
    """

    path: str
    a: Any
    b: Any
    scale: float


def read_adapter(folder: Path) -> list[LayerChange]:
    """The changes of an adapter. Raises AdapterError, OSError."""
    try:
        config = as_object(json.loads((folder / "adapter_config.json").read_text()))
    except ValueError:
        config = None
    if config is None:
        raise AdapterError("its adapter_config.json is not a JSON object")
    if (folder / "adapters.safetensors").exists():
        return _of_mlx(config, _weights(folder / "adapters.safetensors"))
    if (folder / "adapter_model.safetensors").exists():
        return _of_peft(config, _weights(folder / "adapter_model.safetensors"))
    raise AdapterError("it has neither adapters.safetensors nor adapter_model.safetensors")


def _weights(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = mx.load(str(file))
    except RuntimeError as error:
        raise AdapterError(f"its {file.name} cannot be read: {error}") from None
    return found


def _of_mlx(config: dict[str, Any], weights: dict[str, Any]) -> list[LayerChange]:
    kind = config.get("fine_tune_type", "lora")
    if kind != "lora":
        raise AdapterError(f"it was trained as {str(kind)[:20]!r}, and only 'lora' can be used per request. Fuse it with the model instead")
    scale = _number((as_object(config.get("lora_parameters")) or {}).get("scale", 20.0), "lora_parameters.scale")

    def change(path: str, a: Any, b: Any) -> LayerChange:
        return LayerChange(path, a, b, scale)

    return _paired(weights, ".lora_a", ".lora_b", change)


def _of_peft(config: dict[str, Any], weights: dict[str, Any]) -> list[LayerChange]:
    if config.get("peft_type", "LORA") != "LORA" or config.get("use_dora"):
        kind = "DORA" if config.get("use_dora") else str(config.get("peft_type"))[:20]
        raise AdapterError(f"it is of the kind {kind}, and only LORA can be used per request")
    alpha = _number(config.get("lora_alpha", 8), "lora_alpha")
    alphas = as_object(config.get("alpha_pattern")) or {}

    def change(path: str, a: Any, b: Any) -> LayerChange:
        of_layer = next(
            (_number(value, "alpha_pattern") for name, value in alphas.items() if path == name or path.endswith(f".{name}")), alpha
        )
        rank = a.shape[0]
        return LayerChange(path, a.T, b.T, of_layer / (math.sqrt(rank) if config.get("use_rslora") else rank))

    plain = {name.removeprefix(_PEFT_PREFIX): weight for name, weight in weights.items()}
    embeddings = {name: weight for name, weight in plain.items() if ".lora_embedding_" in name}
    linear = {name: weight for name, weight in plain.items() if name not in embeddings}
    return [
        *_paired(linear, ".lora_A.weight", ".lora_B.weight", change),
        *_paired(embeddings, ".lora_embedding_A", ".lora_embedding_B", change),
    ]


def _paired(weights: dict[str, Any], first: str, second: str, change: Callable[[str, Any, Any], LayerChange]) -> list[LayerChange]:
    """A change of each pair of matrices. Raises AdapterError for a matrix that belongs to no pair."""
    paths = [name.removesuffix(first) for name in weights if name.endswith(first)]
    if other := sorted(weights.keys() - {path + end for path in paths for end in (first, second)}):
        raise AdapterError(f"it changes {other[0][:100]}, which is no part of a LoRA adapter")
    if lone := next((path for path in paths if path + second not in weights), ""):
        raise AdapterError(f"it has one of two matrices of {lone[:100]}")
    return [change(path, weights[path + first], weights[path + second]) for path in paths]


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AdapterError(f"{name} in its adapter_config.json is not a number")
    return float(value)
