"""The parts of mlx-vlm that the engine uses. It is untyped, pinned exactly, and changes its internals between versions."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mlx_lm.utils
import mlx_vlm.utils
from mlx_vlm.generate import ar as _ar
from mlx_vlm.generate import dispatch as _dispatch
from mlx_vlm.models import cache
from transformers import dynamic_module_utils

from ...json_values import as_object
from ..mlx_adapter import mx

ar: Any = _ar
dispatch: Any = _dispatch
# mlx-vlm rewrites a file in the model's folder to load weights of this type.
_REWRITTEN = "F8_E8M0"
_HEADER_BYTES_MAX = 100 * 1024**2
# Tokens of a prompt that are computed at once.
CHUNK_TOKENS = 2048


def _never(*_: object, **__: object) -> Any:
    raise ValueError("it needs code of its own, which LMX never runs")


# Some processors of mlx-vlm allow code of the folder whatever the caller says: the functions that would fetch and run it refuse.
_modules: Any = dynamic_module_utils
_modules.get_class_in_module = _modules.get_cached_module_file = _never


def load_model(folder: Path) -> tuple[Any, Any, Any]:
    """(model, processor, mlx-lm's wrapper of its tokenizer). Runs no code of the folder, fetches nothing, writes nothing. Raises ValueError."""
    lm: Any = mlx_lm.utils
    vlm: Any = mlx_vlm.utils
    config: dict[str, Any] = lm.load_config(folder)
    if config.get("model_file"):
        raise ValueError("it needs code of its own (model_file), which LMX never runs")
    if any(_REWRITTEN in _types_of(file) for file in folder.glob("*.safetensors")):
        raise ValueError(f"it has weights of the type {_REWRITTEN}, which mlx-vlm cannot read in place")
    model = vlm.load_model(folder)
    # The processors of several families would run code of the folder otherwise.
    processor = vlm.load_processor(folder, False, trust_remote_code=False)
    image_processor = vlm.load_image_processor(folder, trust_remote_code=False)
    if image_processor is not None:
        processor.image_processor = image_processor
    text = as_object(config.get("text_config")) or {}
    ends = config.get("eos_token_id") or text.get("eos_token_id")
    tokenizer = lm.load_tokenizer(folder, eos_token_ids=ends)
    plain: Any = tokenizer._tokenizer
    if getattr(plain, "chat_template", None) is None:
        # Older folders have the template with the processor.
        template = getattr(processor, "chat_template", None) or getattr(getattr(processor, "tokenizer", None), "chat_template", None)
        plain.chat_template = template
    return model, processor, tokenizer


def picture_inputs(processor: Any, images: list[Any], text: str, image_token: Any) -> dict[str, Any]:
    """What the processor makes of pictures and a text that has their places. Raises ValueError."""
    vlm: Any = mlx_vlm.utils
    try:
        return vlm.prepare_inputs(processor, images=images, prompts=text, image_token_index=image_token, add_special_tokens=False)
    except ValueError as error:
        if "'padding'" not in str(error):
            raise
    # Some processors hand mlx-vlm's options for texts on to an image processor, which refuses them.
    try:
        return dict(processor(text=[text], images=images))
    except Exception as error:  # processors raise what they like
        raise ValueError(str(error)) from error


def make_cache(model: Any) -> list[Any]:
    """An empty KV cache."""
    made: Any = cache.make_prompt_cache(model.language_model)
    return made


def generate(
    model: Any,
    prompt: list[int],
    known: int,
    inputs: dict[str, Any],
    kv_cache: list[Any],
    tokens_max: int,
    sampler: Callable[[Any], Any],
    processors: list[Callable[[Any, Any], Any]],
    on_part: Callable[[int, list[Any]], None],
    ends: Sequence[int] = (),
) -> Iterator[tuple[int, Any]]:
    """(token, log-probabilities) of an answer. `known`: tokens of the prompt that are in the cache, with all pictures. `on_part` gets the
    number of tokens of the prompt that are in the cache, and the cache, while the prompt is computed: at each of `ends`, among others.

    One at a time: models with positions of several dimensions keep those of the prompt on themselves.
    """
    ids, mask = mx.array([prompt]), mx.ones((1, len(prompt)), dtype=mx.int32)
    more = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask", "pixel_values")}
    pixels = inputs.get("pixel_values")
    _forget_positions(model)
    if known:
        if not dispatch._prime_cached_prefix_rope_state(model, ids, mask, more):
            raise ValueError("the positions of the cached prompt cannot be found")
        ids, pixels = ids[:, known:], None

    def checkpoint(at: int, held: list[Any]) -> None:
        on_part(known + at, held)

    parts = {*range(CHUNK_TOKENS, ids.shape[1], CHUNK_TOKENS), *(end - known for end in ends)}

    return ar.generate_step(
        ids,
        model,
        pixels,
        mask,
        prompt_cache=kv_cache,
        max_tokens=tokens_max,
        sampler=sampler,
        logits_processors=processors or None,
        prefill_step_size=CHUNK_TOKENS,
        prompt_cache_checkpoint=checkpoint,
        prompt_cache_checkpoint_lengths=sorted(parts),
        **more,
    )


def is_plain(kv_cache: list[Any]) -> bool:
    """Whether any number of tokens can leave the cache at any length."""
    return all(type(layer) is cache.KVCache for layer in kv_cache)


def removable(kv_cache: list[Any], kept: int) -> int | None:
    """How many of the last tokens have to leave a cache so that it has the first `kept`; None when they cannot."""
    return dispatch._prefix_cache_trim_amount(kv_cache, kept)


def _forget_positions(model: Any) -> None:
    for name in ("_position_ids", "_rope_deltas"):
        if hasattr(model.language_model, name):
            setattr(model.language_model, name, None)


def _types_of(file: Path) -> set[str]:
    """The types of the weights in a safetensors file."""
    with file.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        header: dict[str, Any] = json.loads(handle.read(length)) if length <= _HEADER_BYTES_MAX else {}
    return {str((as_object(entry) or {}).get("dtype")) for entry in header.values()}
