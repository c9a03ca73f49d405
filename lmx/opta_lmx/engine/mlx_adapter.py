"""The parts of mlx and mlx-lm that the engine uses. Both are untyped, pinned exactly, and change their internals between versions.

Importing this takes half a second, after `deferred_packages.defer()`: only the engine process does.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core
import mlx.nn
from mlx import utils as mlx_utils
from mlx_lm import sample_utils, utils
from mlx_lm.generate import BatchGenerator as _BatchGenerator
from mlx_lm.generate import GenerationBatch as _GenerationBatch
from mlx_lm.generate import generation_stream as _generation_stream
from mlx_lm.models import cache

mx: Any = mlx.core
nn: Any = mlx.nn
kv_caches: Any = cache
samplers: Any = sample_utils
BatchGenerator: Any = _BatchGenerator
GenerationBatch: Any = _GenerationBatch
generation_stream: Any = _generation_stream
trees: Any = mlx_utils


# Progress of a load is reported this often at most, and not for less than so many bytes.
REPORTS_MAX, REPORT_BYTES_MIN = 50, 4 * 1024**2


def load_model(folder: str, report: Callable[[int, int], None], *, is_sharded: bool = False) -> Any:
    """Model and tokenizer of a folder, first two of a tuple, with the weights in memory. `is_sharded`: only this rank's part of the model.

    `report` gets the bytes of the weights that are in memory, and of all of them.
    """
    library: Any = utils
    if is_sharded:
        # The default of a sharded load would run code from the model's folder.
        return library.sharded_load(folder, tokenizer_config={"trust_remote_code": False})
    loaded: Any = library.load(folder, lazy=True)
    done, total = 0, weight_bytes(loaded[0])
    for arrays, size in _portions(loaded[0], max(REPORT_BYTES_MIN, total // REPORTS_MAX)):
        report(done, total)
        mx.eval(arrays)
        done += size
    return loaded


def _portions(model: Any, size_min: int) -> Iterator[tuple[list[Any], int]]:
    """The weights of a model in their order, in portions of at least `size_min` bytes; the last one may be smaller."""
    arrays: list[Any] = []
    size = 0
    for _, array in trees.tree_flatten(model.parameters()):
        arrays.append(array)
        size += int(array.nbytes)
        if size >= size_min:
            yield arrays, size
            arrays, size = [], 0
    if arrays:
        yield arrays, size


def weight_bytes(model: Any) -> int:
    """Bytes of the weights of a loaded model, as it computes with them."""
    return sum(int(array.nbytes) for _, array in trees.tree_flatten(model.parameters()))


def quantised_model(folder: Path, bits: int, group: int) -> tuple[Any, dict[str, Any], int, int]:
    """(model, its configuration, bytes of its weights, number of layers that were quantised). Nothing is computed before the weights are saved."""
    library: Any = utils
    model, config = library.load_model(folder, lazy=True)
    before = _quantised_layers(model)
    model, config = library.quantize_model(model, config, group, bits)
    return model, config, weight_bytes(model), _quantised_layers(model) - before


def save_weights(folder: Path, model: Any, config: dict[str, Any]) -> None:
    """Compute and write the weights, with their index and config.json. Raises OSError."""
    library: Any = utils
    library.save_model(folder, model, donate_model=True)
    library.save_config(config, folder / "config.json")


def _quantised_layers(model: Any) -> int:
    return sum(hasattr(layer, "bits") for _, layer in model.named_modules())
