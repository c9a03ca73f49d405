"""What mlx-lm does with the caches of a model, and where those of earlier prompts lie on disk. `module`: `mlx_lm.models.cache`."""

import copy
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...ipc.messages import EngineConfig
from .prefix_store import PrefixDisk


class Caches:
    """What mlx-lm does with the caches of a model."""

    def __init__(self, module: Any):
        self._module = module

    def make(self, model: Any) -> list[Any]:
        """An empty one for a model."""
        return self._module.make_prompt_cache(model)

    def copy(self, cache: list[Any]) -> list[Any]:
        """One of one's own."""
        return copy.deepcopy(cache)

    def settle(self, cache: list[Any]) -> None:
        """Compute it now: until then it holds all that it is made of, and that is the cache of a whole batch."""
        self._module.mx.eval([layer.state for layer in cache])

    def trim(self, cache: list[Any], tokens: int) -> None:
        """Without its last tokens."""
        if tokens:
            self._module.trim_prompt_cache(cache, tokens)

    def can_trim(self, cache: list[Any]) -> bool:
        """Whether that can be done."""
        return bool(self._module.can_trim_prompt_cache(cache))

    def size(self, cache: list[Any]) -> int:
        """Its bytes."""
        return sum(layer.nbytes for layer in cache)

    def save(self, file: str, cache: list[Any]) -> None:
        """To a file."""
        self._module.save_prompt_cache(file, cache)

    def load(self, file: str) -> list[Any]:
        """From a file."""
        return self._module.load_prompt_cache(file)


def disk_of(config: EngineConfig, folder: Path, caches: Caches) -> PrefixDisk:
    """Its key changes with whatever would make a kept cache wrong."""
    weights = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors"))]
    texts = [(folder / name).read_text() for name in ("config.json", "tokenizer.json", "chat_template.jinja") if (folder / name).exists()]
    key = hashlib.sha256(repr((weights, texts, version("mlx-lm"), version("mlx"))).encode()).hexdigest()[:24]
    return PrefixDisk(Path(config.disk), key, config.disk_bytes, caches.save, caches.load)
