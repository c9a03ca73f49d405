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
    "{%- for t in tools or [] -%}<|tools|>{{ t.function.name }} {{ t.function.description }}{%- endfor -%}"
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


# The attention and state layers of published families, in small. Windows are short, so that a prompt of a test exceeds them.
_SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-6,
          "rope_theta": 10000.0, "max_position_embeddings": 4096}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    # Keys and values of every token in every layer.
    "qwen3": {**_SMALL, "model_type": "qwen3", "num_hidden_layers": 2, "tie_word_embeddings": False},
    # Windows in most layers.
    "gemma3_text": {**_SMALL, "model_type": "gemma3_text", "num_hidden_layers": 3, "sliding_window": 48, "sliding_window_pattern": 3,
                    "query_pre_attn_scalar": 16, "rope_local_base_freq": 10000.0},
    # Windows in every second layer, sinks, experts.
    "gpt_oss": {**_SMALL, "model_type": "gpt_oss", "num_hidden_layers": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 40,
                "layer_types": ["sliding_attention", "full_attention"],
                "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096, "beta_fast": 32.0, "beta_slow": 1.0}},
    # Latent keys and values.
    "deepseek_v3": {**_SMALL, "model_type": "deepseek_v3", "num_hidden_layers": 2, "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 32,
                    "qk_rope_head_dim": 8, "v_head_dim": 16, "qk_nope_head_dim": 16, "n_routed_experts": 4, "n_shared_experts": 1,
                    "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1},
    # A state of fixed size, alone and beside attention.
    "mamba2": {"model_type": "mamba2", "num_heads": 4, "head_dim": 32, "hidden_size": 64, "intermediate_size": 128, "state_size": 16,
               "num_hidden_layers": 2, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "n_groups": 1, "use_bias": False, "use_conv_bias": True,
               "tie_word_embeddings": False, "time_step_limit": [0.0, 100.0], "time_step_rank": "auto", "max_position_embeddings": 4096},
    "falcon_h1": {**_SMALL, "model_type": "falcon_h1", "num_hidden_layers": 2, "mamba_d_ssm": 64, "mamba_d_state": 16, "mamba_d_head": 16,
                  "mamba_n_heads": 4, "tie_word_embeddings": False, "embedding_multiplier": 1.0, "lm_head_multiplier": 1.0},
    # A state beside windows.
    "recurrent_gemma": {**_SMALL, "model_type": "recurrent_gemma", "num_hidden_layers": 3, "num_key_value_heads": 1, "attention_bias": False,
                        "conv1d_width": 4, "logits_soft_cap": 30.0, "attention_window_size": 48, "lru_width": 64,
                        "block_types": ["recurrent", "recurrent", "attention"]},
}  # fmt: skip


def make_random_of(family: str, folder: Path, *, seed: int = 1, **more: Any) -> None:
    """A model of random weights of one of the `FAMILIES`, with the probe's tokenizer."""
    probe = json.loads((PROBE / "config.json").read_text())
    common = {"vocab_size": probe["vocab_size"], "eos_token_id": probe["eos_token_id"]}
    _make(folder, {**common, **FAMILIES[family], **more}, seed)


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
