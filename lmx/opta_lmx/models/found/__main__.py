"""Prints the catalog of this machine as JSON: `python -m opta_lmx.models.found`. Needs no running server, and writes nothing.

With `--advise TOKENS` it prints what fits into the memory instead, with `--overview TOKENS` both; `--limit BYTES` is the memory of an LMX
on another machine, whose models are not looked at.
"""

import argparse
import os
import sys

import msgspec

from opta_core import settings
from opta_core.errors import OptaError
from opta_core.process.process import memory_total
from opta_protocol.lmx import LmxCatalog, LmxOverview

from ..engine_pool import LIMIT_SHARE, MIB
from .everything import catalog_of, find_all
from .recommendation import advise
from .sources import sources_of


def main() -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="opta_lmx.models.found")
    parser.add_argument("--advise", type=int, default=0, metavar="TOKENS")
    parser.add_argument("--overview", type=int, default=0, metavar="TOKENS")
    parser.add_argument("--limit", type=int, default=0, metavar="BYTES")
    options = parser.parse_args()
    try:
        loaded = settings.load()
    except OptaError as error:
        print(error.message, file=sys.stderr)
        return 1
    lmx = loaded.settings.lmx
    limit = lmx.memory_limit_mb * MIB or int(memory_total() * LIMIT_SHARE)
    if options.limit:
        catalog = LmxCatalog(models=[], limit=options.limit)
    else:
        catalog = catalog_of(find_all(loaded.paths.models, sources_of(lmx, os.environ)), limit)
    if options.overview:
        answer = LmxOverview(catalog=catalog, advice=advise(catalog, options.overview))
    else:
        answer = advise(catalog, options.advise) if options.advise else catalog
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
