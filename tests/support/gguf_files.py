"""GGUF files of small random models, written with llama.cpp's own package from what mlx-lm computes with."""

import importlib
from pathlib import Path
from typing import Any

import gguf
import mlx.core as mx
import numpy as np
from gguf import GGMLQuantizationType, quants
from mlx.utils import tree_flatten, tree_unflatten

SHAPE: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "rms_norm_eps": 1e-5, "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": True,
}  # fmt: skip
_EXPERTS = {"gate_proj": "ffn_gate_exps", "up_proj": "ffn_up_exps", "down_proj": "ffn_down_exps"}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def random_model(config: dict[str, Any], seed: int = 1) -> Any:
    """A model of mlx-lm with random weights, norms and biases included."""
    module = importlib.import_module(f"mlx_lm.models.{config['model_type']}")
    mx.random.seed(seed)
    model = module.Model(module.ModelArgs.from_dict(config))
    model.update(tree_unflatten([(name, value + 0.1 * mx.random.normal(value.shape)) for name, value in tree_flatten(model.parameters())]))
    return model


def write_random_gguf(
    path: Path,
    architecture: str,
    config: dict[str, Any],
    *,
    weights: str = "F32",
    more: dict[str, Any] | None = None,
    extra: tuple[str, ...] = (),
) -> Any:
    """Write a file, and return the model that it stands for, with the weights as the file rounds them.

    `weights`: type of the matrices; `extra`: names of further tensors.
    """
    model = random_model(config)
    writer = gguf_writer(path, architecture, config)
    names = gguf.get_tensor_name_map(_architecture(architecture), config["num_hidden_layers"])
    rounded: list[tuple[str, mx.array]] = []
    for name, value in tree_flatten(model.parameters()):
        stored = _stored(architecture, config, name, np.array(value))
        kind = GGMLQuantizationType[weights if stored.ndim > 1 and "norm" not in name else "F32"]
        raw = quants.quantize(stored, kind)
        writer.add_tensor(_gguf_name(names, name), raw, raw_dtype=kind)
        rounded.append((name, mx.array(_restored(architecture, config, name, quants.dequantize(raw, kind).reshape(stored.shape)))))
    for name in extra:
        writer.add_tensor(name, np.ones((4, 4), np.float32))
    for key, value in (more or {}).items():
        add_value(writer, key, value)
    _write(writer)
    model.update(tree_unflatten(rounded))
    return model


def gguf_writer(path: Path, architecture: str, config: dict[str, Any], *, has_tokenizer: bool = True) -> Any:
    """A writer with the metadata of a model."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    if has_tokenizer:
        add_byte_level_tokenizer(writer, config["vocab_size"])
    return writer


def add_byte_level_tokenizer(writer: Any, size: int, *, pre: str = "gpt-2") -> None:
    """Byte-level BPE without merges; filled up to `size` tokens."""
    letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
    texts = [*SPECIAL, *letters]
    kinds = [3] * len(SPECIAL) + [1] * len(letters)
    fill = [f"[PAD{at}]" for at in range(len(texts), size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([*texts, *fill])
    writer.add_token_types([*kinds, *[5] * len(fill)])
    writer.add_token_merges(["t h", "h e", "th e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)


def add_value(writer: Any, key: str, value: Any) -> None:
    """One value of the metadata, of the type that Python gives it."""
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string, list: writer.add_array}
    add[type(value)](key, value)


def _write(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _architecture(name: str) -> Any:
    return next(number for number, known in gguf.MODEL_ARCH_NAMES.items() if known == name)


def _gguf_name(names: Any, name: str) -> str:
    base, _, part = name.rpartition(".")
    if "switch_mlp" in base:
        return f"blk.{base.split('.')[2]}.{_EXPERTS[base.rpartition('.')[2]]}.{part}"
    found = names.get_name(base)
    assert found is not None, name
    return f"{found}.{part}"


def _is_turned(architecture: str, name: str) -> bool:
    return architecture == "llama" and any(part in name for part in (".q_proj.", ".k_proj."))


def _heads(config: dict[str, Any], name: str) -> int:
    return int(config["num_attention_heads" if ".q_proj." in name else "num_key_value_heads"])


def _stored(architecture: str, config: dict[str, Any], name: str, value: Any) -> Any:
    """A tensor as llama.cpp's converters store it."""
    if _is_turned(architecture, name):
        heads = _heads(config, name)
        return value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)
    return value + 1 if architecture.startswith("gemma") and "norm" in name else value


def _restored(architecture: str, config: dict[str, Any], name: str, value: Any) -> Any:
    if _is_turned(architecture, name):
        heads = _heads(config, name)
        return value.reshape(heads, value.shape[0] // heads // 2, 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)
    return value - 1 if architecture.startswith("gemma") and "norm" in name else value
