"""Takes tokens of the last forward pass back out of a KV cache: those that were proposed and not accepted.

Two ways, by the kinds of layers. A cache is cut when every layer still has what it had before the pass: keys and values of all
tokens, or a window, which forgets nothing that it still needs during a pass of several tokens. Any other known cache is restored to a
mark made before the pass, and the accepted tokens are computed again together with the next ones.
"""

from collections.abc import Callable
from typing import Any

from ..mlx_adapter import kv_caches
from .cache_layers import NotTrimmed, flat


def can_cut(cache: list[Any]) -> bool:
    """Whether `cut` works on this kind of cache."""
    return all(type(layer) in (kv_caches.KVCache, kv_caches.RotatingKVCache) for layer in flat(cache))


def can_mark(cache: list[Any]) -> bool:
    """Whether `mark` works on this kind of cache."""
    return all(type(layer) in _MARKS for layer in flat(cache))


def cut(cache: list[Any], tokens: int) -> None:
    """Remove the last `tokens` tokens of a pass that computed more than `tokens`. Raises NotTrimmed: a layer does not have the rest."""
    for layer in flat(cache) if tokens else []:
        if type(layer) is kv_caches.RotatingKVCache:
            _cut_window(layer, tokens)
        elif (removed := layer.trim(tokens)) != tokens:
            raise NotTrimmed(f"A layer removed {removed} tokens of {tokens}.")


def mark(cache: list[Any]) -> Callable[[], None]:
    """Remember a cache as it is now; the function restores it."""
    restores = [_MARKS[type(layer)](layer) for layer in flat(cache)]

    def restore() -> None:
        for restore_layer in restores:
            restore_layer()

    return restore


def _cut_window(layer: Any, tokens: int) -> None:
    """After a pass of several tokens a window is in order of time, and longer than its size by these tokens."""
    length = layer.keys.shape[2]
    rest = length - tokens
    if layer._idx != length or rest < min(layer.offset - tokens, layer.max_size):
        raise NotTrimmed(f"A window of {layer.max_size} tokens no longer has what came before the last {tokens}.")
    layer.keys, layer.values = layer.keys[..., :rest, :], layer.values[..., :rest, :]
    layer.offset -= tokens
    layer._idx = rest


def _mark_kept(layer: Any) -> Callable[[], None]:
    offset = layer.offset

    def restore() -> None:
        layer.trim(layer.offset - offset)

    return restore


def _mark_window(layer: Any) -> Callable[[], None]:
    # Slices, because a pass of one token writes into the arrays.
    keys, values = (None, None) if layer.keys is None else (layer.keys[...], layer.values[...])
    offset, at = layer.offset, layer._idx

    def restore() -> None:
        layer.keys, layer.values, layer.offset, layer._idx = keys, values, offset, at

    return restore


def _mark_state(layer: Any) -> Callable[[], None]:
    # A pass replaces the arrays of a state.
    arrays, padding, lengths = list(layer.cache), layer.left_padding, layer.lengths

    def restore() -> None:
        layer.cache, layer.left_padding, layer.lengths = arrays, padding, lengths

    return restore


_MARKS: dict[Any, Callable[[Any], Callable[[], None]]] = {
    kv_caches.KVCache: _mark_kept,
    kv_caches.RotatingKVCache: _mark_window,
    kv_caches.ArraysCache: _mark_state,
}
