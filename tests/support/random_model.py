"""Models of random weights that mlx-lm loads: the shapes of real ones, made on the spot."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from opta_lmx.models.model_catalog import PROBE

MAKE = """
import sys, json, importlib, mlx.core as mx
from mlx.utils import tree_flatten
config = json.load(open(sys.argv[1] + "/config.json"))
module = importlib.import_module("mlx_lm.models." + config["model_type"])
mx.random.seed(int(sys.argv[2]))
model = module.Model(module.ModelArgs.from_dict(config))
mx.save_safetensors(sys.argv[1] + "/model.safetensors", dict(tree_flatten(model.parameters())), {"format": "mlx"})
"""


# Every message in full, as real models have it (the probe's own template keeps the last turn only).
TEMPLATE = (
    "{%- for m in messages -%}<|{{ m.role if m.role in ('user', 'assistant', 'tool') else 'user' }}|>{{ m.content or '' }}<|end|>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)


def make_random_qwen3(folder: Path, *, seed: int = 1, context: int = 512, **more: Any) -> None:
    """0.5 M random parameters with the probe's tokenizer; its cache can be trimmed."""
    probe = json.loads((PROBE / "config.json").read_text())
    config = {
        "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "rms_norm_eps": 1e-6, "vocab_size": probe["vocab_size"], "max_position_embeddings": context, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "eos_token_id": probe["eos_token_id"], **more,
    }  # fmt: skip
    _make(folder, config, seed)


def make_random_lfm2(folder: Path, *, seed: int = 1, context: int = 2048) -> None:
    """The probe's own shape with random weights: a hybrid, whose cache cannot be trimmed."""
    config = json.loads((PROBE / "config.json").read_text())
    config.pop("opta", None)
    _make(folder, {**config, "max_position_embeddings": context}, seed)


def _make(folder: Path, config: dict[str, Any], seed: int) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(PROBE / name, folder / name)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    subprocess.run([sys.executable, "-c", MAKE, str(folder), str(seed)], check=True, timeout=120)
