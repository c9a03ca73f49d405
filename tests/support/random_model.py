"""Models of random weights that mlx-lm loads, with the shapes of real ones. Each is made once, and kept in the cache of the tests."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opta_lmx.models.model_catalog import PROBE
from support.limits import limit_s

KEPT = Path.home() / ".cache/opta-tests/models"
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
    for file in _weights(json.dumps(config), seed).iterdir():
        shutil.copyfile(file, folder / file.name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(PROBE / name, folder / name)
    (folder / "chat_template.jinja").write_text(TEMPLATE)


def _weights(config: str, seed: int) -> Path:
    """A folder with config.json and the weights. Its name says how they are made, so a folder that exists is complete and right."""
    name = hashlib.sha256(f"{version('mlx')} {version('mlx-lm')} {MAKE} {config} {seed}".encode()).hexdigest()[:32]
    kept = KEPT / name
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as made:
            model = Path(made, "model")
            model.mkdir()
            (model / "config.json").write_text(config)
            subprocess.run([sys.executable, "-c", MAKE, str(model), str(seed)], check=True, timeout=limit_s(120))
            # Another worker may have made the same one meanwhile.
            with contextlib.suppress(OSError):
                model.rename(kept)
    return kept
