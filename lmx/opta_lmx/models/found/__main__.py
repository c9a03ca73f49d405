"""Prints the catalog of this machine as JSON: `python -m opta_lmx.models.found`. Needs no running server, and writes nothing."""

import os
import sys

import msgspec

from opta_core import settings
from opta_core.errors import OptaError
from opta_core.process.process import memory_total

from ..engine_pool import LIMIT_SHARE, MIB
from .everything import catalog_of, find_all
from .sources import sources_of


def main() -> int:
    """Run the program; returns its exit code."""
    try:
        loaded = settings.load()
    except OptaError as error:
        print(error.message, file=sys.stderr)
        return 1
    lmx = loaded.settings.lmx
    limit = lmx.memory_limit_mb * MIB or int(memory_total() * LIMIT_SHARE)
    found = find_all(loaded.paths.models, sources_of(lmx, os.environ))
    sys.stdout.buffer.write(msgspec.json.encode(catalog_of(found, limit)) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
