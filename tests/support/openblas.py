"""Loads OpenBLAS into this process, as LMX does for its engines: mlx's wheel for Linux links the reference BLAS, which is slow."""

import ctypes
import os

from opta_lmx.engine_client.blas import blas_environment


def load_openblas(threads: int) -> None:
    """To be called before mlx is imported; does nothing where the library is not installed. `threads` that compute."""
    # The names of a library that is loaded globally come before those that mlx links, like those of a preloaded one.
    environment = blas_environment()
    if not environment:
        return
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update({**environment, "OPENBLAS_NUM_THREADS": str(threads)})
    ctypes.CDLL(environment["LD_PRELOAD"], mode=ctypes.RTLD_GLOBAL)
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value
