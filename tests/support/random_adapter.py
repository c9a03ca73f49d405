"""LoRA adapters of random numbers, written as mlx-lm and as PEFT write them."""

import json
import math
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm import load
from mlx_lm.tuner.utils import linear_to_lora_layers

RANK, SCALE = 4, 12.0


def make_random_adapter(
    folder: Path, model: Path, *, seed: int = 1, keys: list[str] | None = None, layers: int = -1, base: str = ""
) -> None:
    """As `mlx_lm.lora` writes it. `keys`: the layers of a block that it changes, by default those that mlx-lm chooses."""
    mx.random.seed(seed)
    changed: Any = load(str(model))[0]
    changed.freeze()
    parameters = {"rank": RANK, "scale": SCALE, "dropout": 0.0, **({"keys": keys} if keys else {})}
    linear_to_lora_layers(changed, layers if layers > 0 else len(changed.layers), parameters)
    weights = {name: 0.3 * mx.random.normal(weight.shape) for name, weight in tree_flatten(changed.trainable_parameters())}
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    config = {
        "fine_tune_type": "lora", "num_layers": len(changed.layers), "lora_parameters": parameters, "model": base or str(model),
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))


def as_peft(folder: Path, adapter: Path, *, use_rslora: bool = False) -> None:
    """The same adapter as PEFT writes it."""
    weights: dict[str, Any] = mx.load(str(adapter / "adapters.safetensors"))  # type: ignore[assignment]
    names = {".lora_a": ".lora_A.weight", ".lora_b": ".lora_B.weight"}
    folder.mkdir(parents=True)
    mx.save_safetensors(
        str(folder / "adapter_model.safetensors"),
        {f"base_model.model.{name[:-7]}{names[name[-7:]]}": mx.contiguous(weight.T) for name, weight in weights.items()},
    )
    alpha = SCALE * (math.sqrt(RANK) if use_rslora else RANK)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": alpha, "use_rslora": use_rslora, "base_model_name_or_path": "org/qwen3"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
