"""Models of random weights that see pictures, as mlx-vlm loads them: the probe's tokenizer, with the tokens of each family added."""

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
from support.random_model import KEPT

MAKE = """
import sys, json, importlib, mlx.core as mx
from mlx.utils import tree_flatten
from mlx_vlm.utils import update_module_configs
config = json.load(open(sys.argv[1] + "/config.json"))
module = importlib.import_module("mlx_vlm.models." + config["model_type"])
mx.random.seed(int(sys.argv[2]))
config.setdefault("text_config", {})
given = update_module_configs(module.ModelConfig.from_dict(config), module, config, ["text", "vision"])
model = module.Model(given)
# Wide enough that pictures and words decide, and not the order of the vocabulary.
weights = {name: value * (4.0 if "proj" in name else 1.0) for name, value in tree_flatten(model.parameters())}
mx.save_safetensors(sys.argv[1] + "/model.safetensors", weights, {"format": "mlx"})
"""

_TURN = (
    "{%- for t in tools or [] -%}<|tools|>{{ t.function.name }} {{ t.function.description }}{%- endfor -%}"
    "{%- for m in messages -%}<|{{ m.role if m.role in ('user', 'assistant', 'tool') else 'user' }}|>"
    "{%- if m.content is string -%}{{ m.content }}{%- else -%}{%- for p in m.content or [] -%}"
    "{%- if p.type == 'image' -%}PLACE{%- else -%}{{ p.text }}{%- endif -%}{%- endfor -%}{%- endif -%}<|end|>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
_TEXT = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-6}
# Family -> (the tokens that it adds, what its template writes for a picture, config.json, the files of its processor).
# The first added token has the id that follows the probe's.
_FIRST = 276
_QWEN = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
_QWEN_PIXELS = {"patch_size": 14, "merge_size": 2, "temporal_patch_size": 2, "min_pixels": 784, "max_pixels": 12544}
_SMOL = [
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)),
]
_GEMMA = ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
FAMILIES: dict[str, tuple[list[str], str, dict[str, Any], dict[str, Any]]] = {
    # Positions of three dimensions, kept on the model.
    "qwen2_vl": (
        _QWEN,
        "<|vision_start|><|image_pad|><|vision_end|>",
        {
            **_TEXT, "model_type": "qwen2_vl", "num_hidden_layers": 2, "max_position_embeddings": 4096, "rope_theta": 10000.0,
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}, "tie_word_embeddings": False, "vocab_size": 280,
            "vision_start_token_id": _FIRST, "image_token_id": _FIRST + 2, "video_token_id": _FIRST + 3,
            "vision_config": {"model_type": "qwen2_vl", "depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2},
        },
        {"preprocessor_config.json": {"image_processor_type": "Qwen2VLImageProcessor", **_QWEN_PIXELS}},
    ),
    "qwen2_5_vl": (
        _QWEN,
        "<|vision_start|><|image_pad|><|vision_end|>",
        {
            **_TEXT, "model_type": "qwen2_5_vl", "num_hidden_layers": 2, "max_position_embeddings": 4096, "rope_theta": 10000.0,
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}, "tie_word_embeddings": False, "vocab_size": 280,
            "vision_start_token_id": _FIRST, "image_token_id": _FIRST + 2, "video_token_id": _FIRST + 3,
            "vision_config": {"model_type": "qwen2_5_vl", "depth": 2, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64,
                              "num_heads": 2, "patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1]},
        },
        {"preprocessor_config.json": {"image_processor_type": "Qwen2VLImageProcessor", **_QWEN_PIXELS}},
    ),
    # Windows in most layers, and a fixed number of tokens for each picture.
    "gemma3": (
        _GEMMA,
        "<start_of_image>",
        {
            "model_type": "gemma3", "hidden_size": 64, "pad_token_id": 261, "vocab_size": 279, "image_token_index": _FIRST + 2,
            "mm_tokens_per_image": 16,
            "text_config": {**_TEXT, "model_type": "gemma3_text", "num_hidden_layers": 3, "head_dim": 16, "query_pre_attn_scalar": 16,
                            "sliding_window": 64, "sliding_window_pattern": 3, "mm_tokens_per_image": 16, "max_position_embeddings": 4096,
                            "vocab_size": 279},
            "vision_config": {"model_type": "siglip_vision_model", "num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 64,
                              "num_attention_heads": 2, "patch_size": 14, "image_size": 112},
        },
        {
            "preprocessor_config.json": {"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 112, "width": 112},
                                         "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_resize": True,
                                         "do_rescale": True, "do_normalize": True},
            "processor_config.json": {"image_seq_length": 16, "processor_class": "Gemma3Processor"},
        },
    ),
    # Pictures in tiles: their number and the words around them depend on the size. mlx-lm does not know it.
    "smolvlm": (
        _SMOL,
        "<image>",
        {
            "model_type": "smolvlm", "vocab_size": 295, "scale_factor": 2, "image_token_id": _FIRST,
            "text_config": {**_TEXT, "model_type": "llama", "num_hidden_layers": 2, "rope_theta": 10000.0, "vocab_size": 295,
                            "max_position_embeddings": 4096},
            "vision_config": {"model_type": "smolvlm_vision", "hidden_size": 32, "num_attention_heads": 2, "patch_size": 14,
                              "num_hidden_layers": 2, "intermediate_size": 64, "image_size": 56},
        },
        {
            "preprocessor_config.json": {"image_processor_type": "SmolVLMImageProcessor", "do_image_splitting": True, "do_resize": True,
                                         "size": {"longest_edge": 112}, "max_image_size": {"longest_edge": 56}, "do_pad": True,
                                         "do_rescale": True, "do_normalize": True, "image_mean": [0.5, 0.5, 0.5],
                                         "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": True},
            "processor_config.json": {"image_seq_len": 4, "processor_class": "SmolVLMProcessor"},
        },
    ),
    # More, for the tests that compare tokens.
    "qwen3_vl": (
        _QWEN,
        "<|vision_start|><|image_pad|><|vision_end|>",
        {
            "model_type": "qwen3_vl", "vision_start_token_id": _FIRST, "vision_end_token_id": _FIRST + 1, "image_token_id": _FIRST + 2,
            "video_token_id": _FIRST + 3, "vocab_size": 280,
            "text_config": {**_TEXT, "model_type": "qwen3_vl_text", "num_hidden_layers": 3, "head_dim": 16, "rope_theta": 10000.0,
                            "max_position_embeddings": 4096, "vocab_size": 280,
                            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True}},
            "vision_config": {"model_type": "qwen3_vl", "depth": 2, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64,
                              "num_heads": 2, "patch_size": 14, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        },
        {"preprocessor_config.json": {"image_processor_type": "Qwen2VLImageProcessor", **_QWEN_PIXELS}},
    ),
    # A state beside attention: no token can leave its cache.
    "qwen3_5": (
        _QWEN,
        "<|vision_start|><|image_pad|><|vision_end|>",
        {
            "model_type": "qwen3_5", "vision_start_token_id": _FIRST, "vision_end_token_id": _FIRST + 1, "image_token_id": _FIRST + 2,
            "video_token_id": _FIRST + 3, "vocab_size": 280,
            "text_config": {**_TEXT, "model_type": "qwen3_5_text", "num_hidden_layers": 4, "head_dim": 32, "max_position_embeddings": 4096,
                            "vocab_size": 280, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 32,
                            "linear_value_head_dim": 32, "linear_conv_kernel_dim": 4, "full_attention_interval": 2,
                            "rope_parameters": {"type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0,
                                                "partial_rotary_factor": 0.25, "mrope_interleaved": True}},
            "vision_config": {"model_type": "qwen3_5", "depth": 2, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64,
                              "num_heads": 2, "patch_size": 14, "num_position_embeddings": 64},
        },
        {"preprocessor_config.json": {"image_processor_type": "Qwen2VLImageProcessor", **_QWEN_PIXELS}},
    ),
    "llava": (
        ["<image>"],
        "<image>",
        {
            "model_type": "llava", "image_token_index": _FIRST, "vocab_size": 277, "vision_feature_layer": -2,
            "vision_feature_select_strategy": "default",
            "text_config": {**_TEXT, "model_type": "llama", "num_hidden_layers": 2, "vocab_size": 277, "max_position_embeddings": 4096},
            "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 3, "hidden_size": 32, "intermediate_size": 64,
                              "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
        },
        {
            "preprocessor_config.json": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 56},
                                         "crop_size": {"height": 56, "width": 56}, "do_center_crop": True, "do_resize": True},
            "processor_config.json": {"patch_size": 14, "vision_feature_select_strategy": "default", "image_token": "<image>",
                                      "num_additional_image_tokens": 1, "processor_class": "LlavaProcessor"},
        },
    ),
    "mistral3": (
        ["[IMG]", "[IMG_BREAK]", "[IMG_END]"],
        "[IMG]",
        {
            "model_type": "mistral3", "image_token_index": _FIRST, "vocab_size": 279, "spatial_merge_size": 2,
            "text_config": {**_TEXT, "model_type": "mistral", "num_hidden_layers": 2, "head_dim": 16, "rope_theta": 10000.0, "vocab_size": 279,
                            "max_position_embeddings": 4096},
            "vision_config": {"model_type": "pixtral", "num_hidden_layers": 2, "hidden_size": 32, "head_dim": 16, "intermediate_size": 64,
                              "num_attention_heads": 2, "image_size": 112, "patch_size": 14},
        },
        {
            "preprocessor_config.json": {"image_processor_type": "PixtralImageProcessor", "size": {"longest_edge": 112}, "patch_size": 14,
                                         "do_resize": True, "do_rescale": True, "do_normalize": True,
                                         "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]},
            "processor_config.json": {"image_token": "[IMG]", "image_break_token": "[IMG_BREAK]", "image_end_token": "[IMG_END]",
                                      "patch_size": 14, "spatial_merge_size": 2, "processor_class": "PixtralProcessor"},
        },
    ),
}  # fmt: skip
# What a tokenizer says of its picture tokens.
_NAMED = {
    "gemma3": {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
    "smolvlm": {"image_token": "<image>", "fake_image_token": "<fake_token_around_image>", "global_image_token": "<global-img>"},
}


def make_random_vision(family: str, folder: Path, *, seed: int = 1, template: str = _TURN, **more: Any) -> None:
    """A model of random weights of one of the `FAMILIES`."""
    tokens, place, config, files = FAMILIES[family]
    folder.mkdir(parents=True)
    whole = {"torch_dtype": "float32", "eos_token_id": 256, **config, **more}
    for file in _weights(json.dumps(whole), seed).iterdir():
        shutil.copyfile(file, folder / file.name)
    tokenizer = json.loads((PROBE / "tokenizer.json").read_text())
    for at, token in enumerate(tokens):
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        tokenizer["added_tokens"].append({"id": _FIRST + at, "content": token, **flags})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    named = _NAMED.get(family, {})
    settings = json.loads((PROBE / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**settings, **named, "extra_special_tokens": named, "model_max_length": 4096})
    )
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "chat_template.jinja").write_text(template.replace("PLACE", place))


def _weights(config: str, seed: int) -> Path:
    """A folder with config.json and the weights. Its name says how they are made, so a folder that exists is complete and right."""
    name = hashlib.sha256(f"{version('mlx')} {version('mlx-vlm')} {MAKE} {config} {seed}".encode()).hexdigest()[:32]
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
