"""The architectures that can be imported from GGUF: their configuration, and which tensor of mlx-lm each tensor becomes.

llama.cpp changes some weights when it makes a GGUF file. Here that is undone: the rows of q and k of llama are stored in another
order, and 1 is added to the norms of the Gemma models.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list
from .gguf_file import GgufFile, GgufTensor
from .weight_blocks import PLAIN, TYPES

_ATTENTION = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_norm": "input_layernorm",
}  # fmt: skip
_DENSE = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
_PLAIN_NORM = {"ffn_norm": "post_attention_layernorm"}
_QK_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_FOUR_NORMS = {
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
}  # fmt: skip
# Layers of the Gemma 3 models that stretch positions by 8. Files that Ollama made do not say so.
_GEMMA3_SCALED = (34, 48, 62)
# Tensors of the part that sees images, in files that Ollama made.
_VISION = ("v.", "mm.")
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def _experts(block: str) -> dict[str, str]:
    """The tensors of a layer with experts, whose block has this name in mlx-lm."""
    names = {"ffn_gate_exps": "gate_proj", "ffn_up_exps": "up_proj", "ffn_down_exps": "down_proj"}
    return {"ffn_gate_inp": f"{block}.gate", **{name: f"{block}.switch_mlp.{part}" for name, part in names.items()}}


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """One architecture. `layer`: tensor of a layer -> its name in mlx-lm; `more`: further fields of the configuration."""

    model_type: str
    layer: dict[str, str]
    more: Callable[[GgufFile], dict[str, Any]] = lambda _: {}
    # Rows of q and k are in the order of interleaved rotary embeddings.
    is_permuted: bool = False
    # Norms are stored with 1 added.
    is_norm_shifted: bool = False
    can_have_head: bool = True


class TensorTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one tensor. `name`: in mlx-lm, without `.weight`; `rows_of_head`: rows of a head whose order is undone, or 0."""

    tensor: GgufTensor
    name: str
    part: str
    rows_of_head: int = 0
    shift: float = 0.0


def architecture_of(file: GgufFile) -> Architecture:
    """The architecture of a file. Raises Refused: it cannot be imported, with the reason."""
    name = file.architecture
    if name == "llama" and file.number("expert_count"):
        return _MIXTRAL
    if name not in _KNOWN:
        raise Refused(
            f"{file.path.name} has the architecture {name[:60]!r}, which cannot be imported. LMX imports {', '.join(_KNOWN)}. "
            "Look for the same model in MLX format: opta models search"
        )
    return _KNOWN[name]


def config_of(file: GgufFile) -> dict[str, Any]:
    """The config.json of a file's model. Raises Refused: the file does not say enough, or asks for what mlx-lm cannot do."""
    kind, embedding = architecture_of(file), file.tensors.get("token_embd.weight")
    if embedding is None:
        raise Refused(f"{file.path.name} has no token embeddings, so it is not a whole language model. Is it one part of a split file?")
    layers = _required(file, "block_count")
    if layers > len(file.tensors):
        raise Refused(f"{file.path.name} is damaged: it states {layers} layers, which its {len(file.tensors)} tensors cannot be.")
    heads, hidden = _one_number(file, "attention.head_count"), _required(file, "embedding_length")
    head_dim = file.number("attention.key_length") or hidden // heads
    if file.number("attention.value_length") not in (0, head_dim) or file.number("rope.dimension_count") not in (0, head_dim):
        raise Refused(f"{file.path.name} has heads of a shape that mlx-lm's {kind.model_type} cannot compute.")
    return {
        "model_type": kind.model_type,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": _one_number(file, "feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": _one_number(file, "attention.head_count_kv", heads),
        "head_dim": head_dim,
        "rms_norm_eps": _rounded(file.real("attention.layer_norm_rms_epsilon", 1e-5)),
        "vocab_size": embedding.shape[0],
        "max_position_embeddings": _required(file, "context_length"),
        "rope_theta": _rounded(file.real("rope.freq_base", 10000.0)),
        "tie_word_embeddings": "output.weight" not in file.tensors,
        **_rope_scaling(file),
        **kind.more(file),
    }


def targets_of(file: GgufFile, config: dict[str, Any]) -> list[TensorTarget]:
    """What becomes of each tensor. Raises Refused: a tensor is unknown, is missing, or has a type that cannot be read."""
    kind = architecture_of(file)
    targets = [_target(file, kind, config, tensor) for tensor in file.tensors.values() if not _is_left_out(tensor.name)]
    _check_whole(file, kind, config, {target.name for target in targets if target.part == "weight"})
    return targets


def has_vision(file: GgufFile) -> bool:
    """Whether the file also holds the part that sees images. It is left out."""
    return any(name.startswith(_VISION) for name in file.tensors)


def _is_left_out(name: str) -> bool:
    return name == "rope_freqs.weight" or name.startswith(_VISION)


def _target(file: GgufFile, kind: Architecture, config: dict[str, Any], tensor: GgufTensor) -> TensorTarget:
    if tensor.type not in TYPES:
        raise Refused(
            f"{file.path.name} has weights of the type {tensor.type} ({tensor.name}), which cannot be read. LMX reads {', '.join(TYPES)}: "
            "take a file of one of these, or the same model in MLX format: opta models search"
        )
    base, _, part = tensor.name.rpartition(".")
    found = re.fullmatch(r"blk\.(\d{1,4})\.(\w+)", base)
    inner = kind.layer.get(found.group(2), "") if found else ""
    name = f"model.layers.{int(found.group(1))}.{inner}" if found and inner else _TOP.get(base, "")
    is_layer_known = not found or int(found.group(1)) < config["num_hidden_layers"]
    if not name or part not in ("weight", "bias") or not is_layer_known or (name == "lm_head" and not kind.can_have_head):
        raise Refused(f"{file.path.name} has a tensor {tensor.name[:80]!r} that mlx-lm's {kind.model_type} does not have.")
    is_norm = name.endswith("norm")
    if is_norm and tensor.type not in PLAIN:
        raise Refused(f"{file.path.name} has a quantised norm ({tensor.name}), which cannot be read.")
    is_turned = kind.is_permuted and inner in ("self_attn.q_proj", "self_attn.k_proj")
    return TensorTarget(
        tensor=tensor,
        name=name,
        part=part,
        rows_of_head=config["head_dim"] if is_turned else 0,
        shift=-1.0 if is_norm and kind.is_norm_shifted else 0.0,
    )


def _check_whole(file: GgufFile, kind: Architecture, config: dict[str, Any], names: set[str]) -> None:
    """Every layer has every tensor, each of a shape that fits: a damaged file must not become a model folder."""
    layers = range(config["num_hidden_layers"])
    needed = {"model.embed_tokens", "model.norm", *(f"model.layers.{layer}.{name}" for layer in layers for name in kind.layer.values())}
    if missing := sorted(needed - names):
        raise Refused(
            f"{file.path.name} is not whole: {len(missing)} tensors are missing, such as {missing[0]}. Is it one part of a split file?"
        )
    hidden, heads, kv_heads = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    size = config["head_dim"]
    rows = {"attn_q": heads * size, "attn_k": kv_heads * size, "attn_v": kv_heads * size, "attn_output": hidden, "attn_norm": hidden}
    for tensor in file.tensors.values():
        wanted = rows.get(tensor.name.split(".")[-2]) if tensor.name.startswith("blk.") and tensor.name.count(".") == 3 else None
        if wanted and tensor.shape[0] != wanted:
            raise Refused(
                f"{file.path.name} is damaged: its tensor {tensor.name} has the shape {tensor.shape}, and {wanted} rows are expected."
            )


def _rope_scaling(file: GgufFile) -> dict[str, Any]:
    kind, factor = file.text(f"{file.architecture}.rope.scaling.type"), file.real("rope.scaling.factor", 0.0)
    if not kind and (older := file.real("rope.scale_linear", 0.0)) not in (0.0, 1.0):
        kind, factor = "linear", older
    if file.architecture == "llama" and "rope_freqs.weight" in file.tensors:
        return {"rope_scaling": _llama3(file)}
    if any(name.startswith("rope_factors_") for name in file.tensors):
        raise Refused(f"{file.path.name} scales its rotary embeddings in a way (longrope) that cannot be imported.")
    if not kind and not factor and file.architecture == "gemma3" and file.number("block_count") in _GEMMA3_SCALED:
        kind, factor = "linear", 8.0
    if kind in ("", "none") or factor in (0.0, 1.0):
        return {}
    if kind == "linear":
        return {"rope_scaling": {"type": "linear", "rope_type": "linear", "factor": factor}}
    original = file.number("rope.scaling.original_context_length")
    if kind == "yarn" and original:
        return {"rope_scaling": {"type": "yarn", "rope_type": "yarn", "factor": factor, "original_max_position_embeddings": original}}
    raise Refused(f"{file.path.name} scales its rotary embeddings in a way ({kind[:40]}) that cannot be imported.")


def _llama3(file: GgufFile) -> dict[str, Any]:
    """The scaling of Llama 3.1 and later: the file has the resulting factors, from which the parameters are found again."""
    factors = _small_floats(file, file.tensors["rope_freqs.weight"])
    base, size = file.real("rope.freq_base", 10000.0), 2 * len(factors)
    for factor, original in ((round(max(factors), 4), original) for original in (8192, 4096, 16384, 32768)):
        waves = [2 * math.pi * base ** (2 * at / size) for at in range(len(factors))]
        if all(abs(_llama3_factor(wave, factor, original) - known) <= 1e-3 * known for wave, known in zip(waves, factors, strict=True)):
            low_high = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": original}
            return {"type": "llama3", "rope_type": "llama3", "factor": factor, **low_high}
    raise Refused(f"{file.path.name} scales its rotary embeddings by factors that are not those of Llama 3, so it cannot be imported.")


def _llama3_factor(wave: float, factor: float, original: int) -> float:
    """By how much a frequency of this wavelength is divided."""
    if wave < original / 4:
        return 1.0
    if wave > original:
        return factor
    smooth = (original / wave - 1) / 3
    return 1 / ((1 - smooth) / factor + smooth)


def _small_floats(file: GgufFile, tensor: GgufTensor) -> list[float]:
    import numpy as np

    from .weight_blocks import floats

    if tensor.type not in PLAIN or tensor.size > 1024**2:
        raise Refused(f"{file.path.name} has a tensor {tensor.name!r} of an unexpected kind.")
    with file.path.open("rb") as handle:
        handle.seek(tensor.start)
        found = [float(number) for number in floats(tensor.type, np.frombuffer(handle.read(tensor.size), np.uint8))]
    if not all(math.isfinite(number) and number > 0 for number in found):
        raise Refused(f"{file.path.name} is damaged: its rotary factors are not numbers.")
    return found


def _required(file: GgufFile, key: str) -> int:
    if number := file.number(key):
        return number
    raise Refused(f"{file.path.name} does not state its {key.replace('_', ' ')}, so it cannot be imported.")


def _one_number(file: GgufFile, key: str, default: int = 0) -> int:
    """A number that some files state for each layer. Raises Refused: it differs between layers, or is missing."""
    if values := as_list(file.metadata.get(f"{file.architecture}.{key}")):
        if values.count(only := values[0]) == len(values) and isinstance(only, int) and only > 0:
            return only
        raise Refused(f"{file.path.name} has layers of different shapes ({key}), which cannot be imported.")
    return file.number(key) or default or _required(file, key)


def _rounded(number: float) -> float:
    """A 32-bit float as the shortest number that it can stand for: 1e-05, not 9.999999747378752e-06."""
    return float(f"{number:.6g}")


def _bias_of_attention(file: GgufFile) -> dict[str, Any]:
    parts = [part for part in ("attn_q", "attn_k", "attn_v", "attn_output") if f"blk.0.{part}.bias" in file.tensors]
    if parts and len(parts) < 4:
        raise Refused(f"{file.path.name} has biases for only a part of its attention, which mlx-lm's llama cannot compute.")
    return {"attention_bias": bool(parts), "mlp_bias": "blk.0.ffn_up.bias" in file.tensors}


def _of_experts(file: GgufFile) -> dict[str, Any]:
    return {"num_local_experts": _required(file, "expert_count"), "num_experts_per_tok": _required(file, "expert_used_count")}


def _of_qwen3_experts(file: GgufFile) -> dict[str, Any]:
    return {
        "num_experts": _required(file, "expert_count"),
        "num_experts_per_tok": _required(file, "expert_used_count"),
        "moe_intermediate_size": _required(file, "expert_feed_forward_length"),
        "intermediate_size": file.number("feed_forward_length") or _required(file, "expert_feed_forward_length"),
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "norm_topk_prob": True,
    }


def _scale_of_queries(file: GgufFile, layers: int) -> dict[str, Any]:
    """Gemma's largest models, known by their number of layers, scale queries by the width of a head's share, the others by the head's size."""
    hidden, heads = _required(file, "embedding_length"), _one_number(file, "attention.head_count")
    size = file.number("attention.key_length") or hidden // heads
    return {"query_pre_attn_scalar": hidden // heads if file.number("block_count") == layers else size}


def _of_gemma2(file: GgufFile) -> dict[str, Any]:
    return {
        "attn_logit_softcapping": file.real("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": file.real("final_logit_softcapping", 30.0),
        **_scale_of_queries(file, 46),
    }


def _of_gemma3(file: GgufFile) -> dict[str, Any]:
    return {
        "sliding_window": _required(file, "attention.sliding_window"),
        "sliding_window_pattern": file.number("attention.sliding_window_pattern") or 6,
        # The second name of each is Ollama's.
        "rope_theta": _rounded(file.real("rope.freq_base", file.real("rope.global.freq_base", 1_000_000.0))),
        "rope_local_base_freq": _rounded(file.real("rope.freq_base_swa", file.real("rope.local.freq_base", 10_000.0))),
        **_scale_of_queries(file, 62),
    }


_QWEN = {**_ATTENTION, **_DENSE, **_PLAIN_NORM}
_MIXTRAL = Architecture(
    model_type="mixtral", layer={**_ATTENTION, **_PLAIN_NORM, **_experts("block_sparse_moe")}, more=_of_experts, is_permuted=True
)
_KNOWN = {
    "llama": Architecture(model_type="llama", layer=_QWEN, more=_bias_of_attention, is_permuted=True),
    "qwen2": Architecture(model_type="qwen2", layer=_QWEN),
    "qwen3": Architecture(model_type="qwen3", layer={**_QWEN, **_QK_NORMS}),
    "qwen3moe": Architecture(
        model_type="qwen3_moe", layer={**_ATTENTION, **_QK_NORMS, **_PLAIN_NORM, **_experts("mlp")}, more=_of_qwen3_experts
    ),
    "gemma": Architecture(model_type="gemma", layer=_QWEN, is_norm_shifted=True, can_have_head=False),
    "gemma2": Architecture(
        model_type="gemma2", layer={**_ATTENTION, **_DENSE, **_FOUR_NORMS}, more=_of_gemma2, is_norm_shifted=True, can_have_head=False
    ),
    "gemma3": Architecture(
        model_type="gemma3_text", layer={**_ATTENTION, **_DENSE, **_FOUR_NORMS, **_QK_NORMS}, more=_of_gemma3, is_norm_shifted=True
    ),
}
