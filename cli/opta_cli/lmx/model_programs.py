"""Programs of LMX that work on model files: children of this command, so that no server has to run."""

import os
import subprocess
import sys

import msgspec

from opta_core.errors import Unavailable
from opta_core.inheritance import inherited, python
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxCatalog

CATALOG_S = 120.0


def catalog_here(loaded: LoadedSettings) -> LmxCatalog:
    """Every model on this machine. Raises Unavailable: the program failed."""
    try:
        done = subprocess.run(
            python("opta_lmx.models.found"), env=environment_of(loaded), capture_output=True, stdin=subprocess.DEVNULL, timeout=CATALOG_S
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"The folders with models were not read within {CATALOG_S:g} s. Is one of them on a slow disk?") from None
    if done.returncode:
        raise Unavailable(f"The folders with models cannot be read: {_last_line(done.stderr)}")
    return msgspec.json.decode(done.stdout, type=LmxCatalog)


def environment_of(loaded: LoadedSettings) -> dict[str, str]:
    """The environment of such a program."""
    return {**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)}


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else f"the program ended without a reason ({sys.executable})"
