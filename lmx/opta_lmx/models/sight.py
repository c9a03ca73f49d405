"""Which models see pictures: those whose folder has the part for it, if mlx-vlm is installed and knows their family."""

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from ..json_values import as_object
from .found.architectures import can_load

# How the part that sees is called in config.json, and in the names of its weights.
_PARTS = ("vision_config", "vision_tower", "mm_vision_tower", "img_processor")
_WEIGHTS = re.compile(r"vision|visual|vit\b|img_|image|patch_embed", re.IGNORECASE)
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_HEADER_BYTES_MAX = 100 * 1024**2
# Architectures that mlx-vlm loads with the code of another one. A test compares this with mlx-vlm's own table.
SAME_AS = {
    "moondream1": "moondream2", "llava_qwen2": "fastvlm", "llava-qwen2": "llava_bunny", "bunny-llama": "llava_bunny", "lfm2-vl": "lfm2_vl",
    "cohere2_vision": "aya_vision", "jvlm": "jina_vlm", "phi4-siglip": "phi4_siglip", "granite-vision": "granite_vision",
    "granite4-vision": "granite4_vision", "nemotron_h_omni": "nemotron_h_nano_omni",
}  # fmt: skip
INSTALL = "Install what it needs: ./opta vision (in a checkout), or pip install 'opta[vision]'; then start LMX again"


def has_part(folder: Path, config: dict[str, Any]) -> bool:
    """Whether a model's folder has a part that sees, with its weights and the settings of its processor."""
    is_declared = any(config.get(name) for name in _PARTS)
    return is_declared and any((folder / name).exists() for name in _PROCESSORS) and any(map(_WEIGHTS.search, _weight_names(folder)))


def can_see(config: dict[str, Any]) -> bool:
    """Whether mlx-vlm is installed and has the architecture of a model."""
    architecture = str(config.get("model_type") or "").lower()
    return is_installed() and not config.get("model_file") and SAME_AS.get(architecture, architecture) in _known()


def sees_only(config: dict[str, Any]) -> bool:
    """Whether mlx-vlm has the architecture of a model and mlx-lm does not, so that the one computes its texts, too."""
    return can_see(config) and not can_load(str(config.get("model_type") or ""))


@functools.cache
def is_installed() -> bool:
    """Whether mlx-vlm and Pillow are."""
    return all(importlib.util.find_spec(name) is not None for name in ("mlx_vlm", "PIL"))


@functools.cache
def _known() -> frozenset[str]:
    spec = importlib.util.find_spec("mlx_vlm")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return frozenset(file.parent.name for folder in folders for file in Path(folder, "models").glob("*/__init__.py"))


def _weight_names(folder: Path) -> set[str]:
    index = folder / "model.safetensors.index.json"
    try:
        if index.exists():
            return set(as_object((as_object(json.loads(index.read_bytes())) or {}).get("weight_map")) or {})
        return {name for file in folder.glob("model*.safetensors") for name in _names_in(file)}
    except (OSError, ValueError, RecursionError):
        return set()


def _names_in(file: Path) -> set[str]:
    with file.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        return set(as_object(json.loads(handle.read(length))) or {}) if length <= _HEADER_BYTES_MAX else set()
