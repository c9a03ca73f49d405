"""The parts of mlx and mlx-lm that the engine uses. Both are untyped, pinned exactly, and change their internals between versions.

Importing this takes seconds: only the engine process does.
"""

from typing import Any

import mlx.core
from mlx_lm import sample_utils, utils
from mlx_lm.generate import BatchGenerator as _BatchGenerator
from mlx_lm.generate import generation_stream as _generation_stream
from mlx_lm.models import cache

mx: Any = mlx.core
kv_caches: Any = cache
samplers: Any = sample_utils
models: Any = utils
BatchGenerator: Any = _BatchGenerator
generation_stream: Any = _generation_stream
