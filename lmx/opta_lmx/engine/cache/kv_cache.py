"""KV caches of a model: mlx-lm's functions for them, and their place on disk."""

import copy
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...ipc.messages import EngineConfig
from ..mlx_adapter import kv_caches, mx
from .prefix_store import PrefixStore


class KvCaches:
    """mlx-lm's operations on KV caches. A cache is a list with one entry per layer."""

    def make(self, model: Any) -> list[Any]:
        """Return an empty cache for a model."""
        return kv_caches.make_prompt_cache(model)

    def copy(self, cache: list[Any]) -> list[Any]:
        """Return an independent copy of a cache."""
        return copy.deepcopy(cache)

    def settle(self, cache: list[Any]) -> None:
        """Force evaluation, so that the cache does not keep the cache of the whole batch alive."""
        mx.eval([layer.state for layer in cache])

    def trim(self, cache: list[Any], tokens: int) -> None:
        """Remove the last `tokens` tokens."""
        if tokens:
            kv_caches.trim_prompt_cache(cache, tokens)

    def can_trim(self, cache: list[Any]) -> bool:
        """Whether tokens can be removed from this kind of cache."""
        return bool(kv_caches.can_trim_prompt_cache(cache))

    def size(self, cache: list[Any]) -> int:
        """Bytes of a cache."""
        return sum(layer.nbytes for layer in cache)

    def save(self, file: str, cache: list[Any]) -> None:
        """Write a cache to a file."""
        kv_caches.save_prompt_cache(file, cache)

    def load(self, file: str) -> list[Any]:
        """Read a cache from a file."""
        return kv_caches.load_prompt_cache(file)


def store_of(config: EngineConfig, folder: Path, caches: KvCaches) -> PrefixStore:
    """The prefix store of a model. Its key covers everything that would make a stored cache wrong."""
    weights = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors"))]
    texts = [(folder / name).read_text() for name in ("config.json", "tokenizer.json", "chat_template.jinja") if (folder / name).exists()]
    key = hashlib.sha256(repr((weights, texts, version("mlx-lm"), version("mlx"))).encode()).hexdigest()[:24]
    return PrefixStore(Path(config.disk), key, config.disk_bytes, caches.save, caches.load)
