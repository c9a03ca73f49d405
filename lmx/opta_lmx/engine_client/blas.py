"""Matrix products on Linux: mlx's wheel links the reference BLAS; a preloaded OpenBLAS is many times as fast.

OpenBLAS picks its kernel by the processor's model number and falls back to one from 2004 for a model it
does not know (seen: 20 GFLOP/s instead of 150), so the kernel is named from what the processor can do.
Never required: without the library the engine is slow and right.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
_NAMES = ("openblas-pthread/libopenblas.so.0", "libopenblas.so.0", "openblas-openmp/libopenblas.so.0")


@functools.cache
def blas_environment() -> dict[str, str]:
    """Variables for an engine child; {} where nothing helps."""
    if sys.platform != "linux":
        return {}
    for library in (Path(folder) / name for folder in _FOLDERS for name in _NAMES):
        if library.exists():
            found = {"LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2)), **_kernel()}
            # A library with missing dependencies would stop Python itself.
            if (
                subprocess.run([sys.executable, "-I", "-c", ""], env={**os.environ, **found}, capture_output=True, timeout=10).returncode
                == 0
            ):
                return found
    return {}


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
