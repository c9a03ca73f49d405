"""Finds OpenBLAS for engine processes on Linux: mlx's wheel links the reference BLAS, and a preloaded OpenBLAS is many times as fast.

OpenBLAS chooses its kernel by the processor's model number and falls back to one from 2004 for a model that it does not know
(seen: 20 GFLOP/s instead of 150), so the kernel is chosen here by what the processor can do. OpenBLAS is never required: without
it the engine is slow, but correct.
"""

import os
import subprocess
import sys
from pathlib import Path

from opta_core.openblas import FOLDERS, libraries

_TRIAL_S = 10.0
_known: dict[tuple[str, ...], dict[str, str]] = {}


def blas_environment(folders: tuple[str, ...] = FOLDERS) -> dict[str, str]:
    """Environment variables for an engine process; {} where there is no usable library. Found once.

    Runs a program: call it in a thread. Raises OSError: no program can be started now.
    """
    if folders not in _known:
        _known[folders] = _find(folders) if sys.platform == "linux" else {}
    return _known[folders]


def _find(folders: tuple[str, ...]) -> dict[str, str]:
    for library in libraries(folders):
        threads = str(max(1, (os.cpu_count() or 2) // 2))
        found = {"LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": threads, **_kernel()}
        if _starts_python(found):
            return found
    return {}


def _starts_python(environment: dict[str, str]) -> bool:
    """Whether Python starts with it: a library with missing dependencies would stop every engine."""
    command = [sys.executable, "-I", "-c", ""]
    try:
        return not subprocess.run(command, env={**os.environ, **environment}, capture_output=True, timeout=_TRIAL_S).returncode
    except subprocess.TimeoutExpired:
        return False


def _kernel() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next(line for line in lines if line.startswith("flags")).split()
    except (OSError, StopIteration):
        return {}
    if {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= set(flags):
        return {"OPENBLAS_CORETYPE": "SKYLAKEX"}
    if {"avx2", "fma"} <= set(flags):
        return {"OPENBLAS_CORETYPE": "HASWELL"}
    return {}
