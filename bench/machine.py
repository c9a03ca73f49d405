"""The machine on which the figures were measured."""

import os
import platform
import sys
import time
from pathlib import Path

from opta_core.version import VERSION


def describe() -> str:
    """One paragraph: time, version, machine and load."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor()
    )
    memory = next((int(line.split()[1]) / 1e6 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0.0)
    return (
        f"Opta {VERSION}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC. "
        f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores ({model}), {memory:.0f} GB, "
        f"load of the last minute {os.getloadavg()[0]:.1f}."
        + (" Python writes no bytecode here, so each start compiles." if sys.dont_write_bytecode else "")
    )


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
