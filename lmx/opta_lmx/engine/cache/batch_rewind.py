"""Takes rejected proposals out of the KV cache of a batch, a different number of each sequence. See `rewind` for a single one."""

from collections.abc import Callable
from typing import Any

from ..mlx_adapter import kv_caches, mx
from .cache_layers import NotTrimmed, flat


def can_cut(cache: list[Any]) -> bool:
    """Whether `cut` works on this kind of cache."""
    return all(type(layer) in (kv_caches.BatchKVCache, kv_caches.BatchRotatingKVCache) for layer in flat(cache))


def can_mark(cache: list[Any]) -> bool:
    """Whether `mark` works on this kind of cache."""
    return all(type(layer) in (kv_caches.BatchKVCache, kv_caches.ArraysCache) for layer in flat(cache))


def set_in_order(cache: list[Any]) -> None:
    """To be called before a pass of several tokens: mlx-lm's mask for such a pass is wrong while the window is a ring."""
    for layer in flat(cache):
        if type(layer) is kv_caches.BatchRotatingKVCache:
            layer._temporal_order()


def cut(cache: list[Any], tokens: list[int]) -> None:
    """Remove the last tokens of each sequence after a pass of more. Raises NotTrimmed: a layer does not have the rest."""
    common = min(tokens)
    rest = [number - common for number in tokens]
    for layer in flat(cache):
        if type(layer) is kv_caches.BatchRotatingKVCache:
            _cut_window(layer, common)
        elif common and (removed := layer.trim(common)) != common:
            raise NotTrimmed(f"A layer removed {removed} tokens of {common}.")
        if any(rest):
            # As after a prompt with padding at its end: what is not of the sequence is moved before it.
            layer.prepare(lengths=[-number for number in rest], right_padding=rest)
            layer.finalize()


def mark(cache: list[Any]) -> Callable[[], None]:
    """Remember a cache as it is now; the function restores it."""
    restores = [_mark_state(layer) if type(layer) is kv_caches.ArraysCache else _mark_kept(layer) for layer in flat(cache)]

    def restore() -> None:
        for restore_layer in restores:
            restore_layer()

    return restore


def _cut_window(layer: Any, tokens: int) -> None:
    length = layer.keys.shape[2]
    if layer._idx != length or length - tokens < min(layer._offset - tokens, layer.max_size):
        raise NotTrimmed(f"A window of {layer.max_size} tokens no longer has what came before the last {tokens}.")
    if tokens:
        layer.keys, layer.values = layer.keys[..., :-tokens, :], layer.values[..., :-tokens, :]
        layer.offset = layer.offset - tokens
        layer._offset -= tokens
        layer._idx -= tokens


def _mark_kept(layer: Any) -> Callable[[], None]:
    length = layer._idx

    def restore() -> None:
        layer.trim(layer._idx - length)

    return restore


def _mark_state(layer: Any) -> Callable[[], None]:
    # A pass replaces the arrays of a state, and counts its padding down in place.
    arrays = list(layer.cache)
    padding, lengths = (None if array is None else mx.array(array) for array in (layer.left_padding, layer.lengths))

    def restore() -> None:
        layer.cache, layer.left_padding, layer.lengths = list(arrays), padding, lengths

    return restore
