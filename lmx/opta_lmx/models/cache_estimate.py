"""What the KV cache of a conversation will take, estimated from a model's config.json before the model is loaded.

Once it is loaded, the engine measures a real cache and that figure is used. The estimate never assumes less than mlx-lm keeps: a layer
of a kind that is not known here counts as full attention.
"""

from typing import Any

from ..json_values import as_list, as_object

# Families for which mlx-lm keeps only a window of the keys and values, with the distance of their layers of full attention where
# config.json does not list the layers. Others have a window in config.json, and full caches in mlx-lm.
_WINDOWED = {
    "afmoe": 0, "cohere2": 4, "exaone4": 0, "exaone_moe": 0, "gemma3": 6, "gemma3_text": 6, "gemma3n": 0, "gemma3n_text": 0, "gemma4": 0,
    "gemma4_text": 0, "gpt_oss": 2, "llama": 0, "mimo_v2_flash": 0, "ministral3": 0, "olmo3": 4, "step3p5": 0,
}  # fmt: skip
_WINDOW_KINDS = {"sliding_attention", "sliding", "local"}
_STATE_KINDS = {"conv", "linear_attention", "mamba", "recurrent", "linear", "ssm"}
# Families with a state and full attention in each layer.
_BOTH = {"falcon_h1"}
# A window holds a chunk of a prompt more than its size, and a state is small.
_CHUNK_TOKENS, _STATE_BYTES = 2048, 2 * 1024**2


def conversation_bytes(config: dict[str, Any], tokens: int) -> int:
    """Bytes of the KV cache of a conversation of `tokens` tokens. `config`: config.json, or its text_config."""
    window = min(tokens, _number(config, "sliding_window") + _CHUNK_TOKENS)
    layer = _layer_bytes(config)
    state = _STATE_BYTES if config.get("model_type") in _BOTH else 0
    by_kind = {"full": layer * tokens + state, "window": layer * window, "state": _STATE_BYTES}
    return sum(by_kind[kind] for kind in _kinds(config))


def token_bytes(config: dict[str, Any]) -> int:
    """Bytes per token of the KV cache of a short conversation, which is below every window."""
    return _layer_bytes(config) * sum(kind != "state" for kind in _kinds(config))


def _kinds(config: dict[str, Any]) -> list[str]:
    """full, window or state, for each layer."""
    count, family = _number(config, "num_hidden_layers"), str(config.get("model_type", ""))
    listed = as_list(config.get("layer_types")) or as_list(config.get("layers_block_type")) or as_list(config.get("block_types"))
    if listed:
        kinds = [_kind(str(kind), family) for kind in listed]
        return [kinds[at % len(kinds)] for at in range(count)]
    if not _number(config, "num_attention_heads"):
        return ["state"] * count
    if interval := _number(config, "full_attention_interval"):
        return ["full" if (at + 1) % interval == 0 else "state" for at in range(count)]
    interval = _number(config, "sliding_window_pattern") or _WINDOWED.get(family, 0)
    if family in _WINDOWED and interval and _number(config, "sliding_window"):
        return ["full" if (at + 1) % interval == 0 else "window" for at in range(count)]
    return ["full"] * count


def _kind(name: str, family: str) -> str:
    if name in _STATE_KINDS:
        return "state"
    return "window" if name in _WINDOW_KINDS and family in _WINDOWED else "full"


def _layer_bytes(config: dict[str, Any]) -> int:
    """Bytes per token of one layer of full attention."""
    declared = config.get("torch_dtype") or config.get("dtype")
    item = 4 if declared == "float32" else 2
    if rank := _number(config, "kv_lora_rank"):
        return item * (rank + _number(config, "qk_rope_head_dim"))
    heads = _number(config, "num_attention_heads")
    size = _number(config, "head_dim") or (_number(config, "hidden_size") // heads if heads else 0)
    return 2 * item * (_number(config, "num_key_value_heads") or heads) * size


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config.json that describes the language model."""
    return as_object(config.get("text_config")) or config


def _number(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
