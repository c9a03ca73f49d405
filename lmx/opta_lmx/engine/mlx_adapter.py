"""The parts of mlx and mlx-lm that the engine uses. Both are untyped, pinned exactly, and change their internals between versions.

Importing this takes half a second, after `deferred_packages.defer()`: only the engine process does.
"""

from typing import Any

import mlx.core
import mlx.utils
from mlx_lm import sample_utils, utils
from mlx_lm.generate import BatchGenerator as _BatchGenerator
from mlx_lm.generate import generation_stream as _generation_stream
from mlx_lm.models import cache

mx: Any = mlx.core
kv_caches: Any = cache
samplers: Any = sample_utils
BatchGenerator: Any = _BatchGenerator
generation_stream: Any = _generation_stream


def load_model(folder: str, *, is_sharded: bool = False) -> Any:
    """Model and tokenizer of a folder, first two of a tuple. `is_sharded`: only this rank's part of the model."""
    library: Any = utils
    # The default of a sharded load would run code from the model's folder.
    return library.sharded_load(folder, tokenizer_config={"trust_remote_code": False}) if is_sharded else library.load(folder)


def weight_bytes(model: Any) -> int:
    """Bytes of the weights of a loaded model, as it computes with them."""
    library: Any = mlx.utils
    return sum(int(array.nbytes) for _, array in library.tree_flatten(model.parameters()))
