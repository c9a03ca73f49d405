"""KV caches of a model: mlx-lm's functions for them, and their place on disk."""

import copy
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...ipc.messages import EngineConfig
from ..mlx_adapter import kv_caches, mx
from .cache_layers import NotTrimmed, flat
from .prefix_store import PrefixStore


class KvCaches:
    """mlx-lm's operations on KV caches. A cache is a list with one entry per layer.

    What can be removed from a cache depends on what is in it: a sliding window forgets tokens once it is full, and the state of a
    recurrent layer has none. Every question is therefore asked of the filled cache, never of the kind of cache or of an empty one.
    """

    def make(self, model: Any) -> list[Any]:
        """Return an empty cache for a model."""
        return kv_caches.make_prompt_cache(model)

    def copy(self, cache: list[Any]) -> list[Any]:
        """Return an independent copy of a cache."""
        return copy.deepcopy(cache)

    def settle(self, cache: list[Any]) -> None:
        """Force evaluation, so that the cache does not keep the cache of the whole batch alive."""
        mx.eval([layer.state for layer in cache])

    def removable(self, cache: list[Any]) -> int:
        """How many of its last tokens can be removed from this cache, as it is filled now, with nothing else lost."""
        return min((_removable(layer) for layer in flat(cache)), default=0)

    def trim(self, cache: list[Any], tokens: int) -> None:
        """Remove the last `tokens` tokens. Raises NotTrimmed: they cannot be removed from every layer."""
        if tokens > self.removable(cache):
            raise NotTrimmed(f"{tokens} tokens cannot be removed from this cache; {self.removable(cache)} can.")
        for layer in flat(cache) if tokens else []:
            removed = layer.trim(tokens)
            if removed != tokens:
                raise NotTrimmed(f"A layer removed {removed} tokens of {tokens}.")

    def has_length(self, cache: list[Any], tokens: int) -> bool:
        """Whether every layer that counts its tokens has this many."""
        return all(layer.offset == tokens for layer in flat(cache) if isinstance(getattr(layer, "offset", None), int))

    def is_plain(self, cache: list[Any]) -> bool:
        """Whether every layer keeps the keys and values of every token, so that any number can be removed at any length."""
        return all(type(layer) is kv_caches.KVCache for layer in flat(cache))

    def is_batchable(self, cache: list[Any]) -> bool:
        """Whether mlx-lm can compute several sequences with this kind of cache."""
        return all(hasattr(layer, "merge") for layer in flat(cache))

    def size(self, cache: list[Any]) -> int:
        """Bytes of a cache."""
        return sum(layer.nbytes for layer in cache)

    def save(self, file: str, cache: list[Any]) -> None:
        """Write a cache to a file."""
        kv_caches.save_prompt_cache(file, cache)

    def load(self, file: str) -> list[Any]:
        """Read a cache from a file."""
        return kv_caches.load_prompt_cache(file)


def _removable(layer: Any) -> int:
    # A window says that it cannot be trimmed once it has forgotten a token; a chunk forgets without saying so.
    if not layer.is_trimmable() or getattr(layer, "start_position", 0):
        return 0
    offset = getattr(layer, "offset", 0)
    return offset if isinstance(offset, int) else 0


def store_of(config: EngineConfig, folder: Path, caches: KvCaches) -> PrefixStore:
    """The prefix store of a model. Its key covers everything that would make a stored cache wrong."""
    weights = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors"))]
    texts = [(folder / name).read_text() for name in ("config.json", "tokenizer.json", "chat_template.jinja") if (folder / name).exists()]
    key = hashlib.sha256(repr((weights, texts, version("mlx-lm"), version("mlx"))).encode()).hexdigest()[:24]
    return PrefixStore(Path(config.disk), key, config.disk_bytes, caches.save, caches.load)
