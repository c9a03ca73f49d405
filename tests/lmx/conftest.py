"""Loads OpenBLAS into the process of the tests, as LMX does for its engines: mlx's wheel for Linux links the reference BLAS, which is slow."""

import ctypes
import os

from opta_lmx.engine_client.blas import blas_environment


def _load_openblas() -> None:
    # The names of a library that is loaded globally come before those that mlx links, like those of a preloaded one.
    environment = blas_environment()
    if not environment:
        return
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update({**environment, "OPENBLAS_NUM_THREADS": "1"})
    ctypes.CDLL(environment["LD_PRELOAD"], mode=ctypes.RTLD_GLOBAL)
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


_load_openblas()
