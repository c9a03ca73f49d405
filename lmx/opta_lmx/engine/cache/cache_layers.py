"""The layers of a KV cache, each of one of mlx-lm's kinds."""

from typing import Any


class NotTrimmed(Exception):
    """A cache could not be shortened as asked. It may be spoiled: drop it."""


def flat(cache: Any) -> list[Any]:
    """The layers of a cache, with those of its lists."""
    return [inner for layer in cache for inner in (flat(layer.caches) if hasattr(layer, "caches") else [layer])]
