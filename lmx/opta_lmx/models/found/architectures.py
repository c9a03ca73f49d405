"""The architectures that mlx-lm can load, found without importing it: that takes seconds, and the server never imports mlx."""

import functools
import importlib.util
from pathlib import Path

# Architectures that mlx-lm loads with the code of another one. A test compares this with mlx-lm's own table.
SAME_AS = {
    "mistral": "llama", "llava": "mistral3", "phi-msft": "phixtral", "falcon_mamba": "mamba", "joyai_llm_flash": "deepseek_v3",
    "kimi_k2": "deepseek_v3", "qwen2_5_vl": "qwen2_vl", "minimax_m2": "minimax", "iquestcoder": "llama", "xverse": "llama",
    "gemma4_unified": "gemma4", "deepseek_v41_text": "deepseek_v41",
}  # fmt: skip
# Parts that mlx-lm's architectures share, and one that needs a package which is not installed.
_PARTS = {
    "olmo", "__init__", "activations", "base", "bitlinear_layers", "cache", "gated_delta", "mla", "pipeline", "rope_utils", "ssm", "switch_layers",
}  # fmt: skip


def can_load(architecture: str) -> bool:
    """Whether mlx-lm has this `model_type`. True when mlx-lm is not installed: then loading the model reports the reason."""
    known = _known()
    return not known or SAME_AS.get(architecture, architecture) in known


@functools.cache
def _known() -> frozenset[str]:
    spec = importlib.util.find_spec("mlx_lm")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return frozenset(file.stem for folder in folders for file in Path(folder, "models").glob("*.py")) - _PARTS
