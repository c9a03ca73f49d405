"""What the KV cache of a sequence takes, measured from a real cache that the loaded model has filled.

Measured and not computed from the configuration: layers keep all keys and values, a window of them, a smaller latent form or a state
of fixed size, in the type in which the model computes.
"""

from dataclasses import dataclass
from typing import Any

from .cache_layers import flat

# mlx-lm grows a cache in steps of this many tokens. During a prompt, a window holds one chunk more than its size.
STEP_TOKENS, CHUNK_TOKENS = 256, 2048


@dataclass(frozen=True)
class _Rate:
    token_bytes: float
    # At most so many tokens; 0: no limit.
    tokens_max: int


class CacheCost:
    """`cache`: the cache of one sequence of `tokens` tokens."""

    def __init__(self, cache: list[Any], tokens: int):
        self._fixed = 0
        self._rates: list[_Rate] = []
        for layer in flat(cache):
            keys: Any = getattr(layer, "keys", None)
            if isinstance(getattr(layer, "offset", None), int):
                held = keys.shape[2] if hasattr(keys, "shape") else tokens
                window = getattr(layer, "max_size", 0) or getattr(layer, "chunk_size", 0)
                self._rates.append(_Rate(layer.nbytes / max(1, held), window + CHUNK_TOKENS if window else 0))
            else:
                self._fixed += layer.nbytes

    def bytes(self, tokens: int) -> int:
        """Bytes of the cache of a sequence of `tokens` tokens at its largest."""
        rounded = -(-tokens // STEP_TOKENS) * STEP_TOKENS
        return self._fixed + int(
            sum(rate.token_bytes * (min(rounded, rate.tokens_max) if rate.tokens_max else rounded) for rate in self._rates)
        )
