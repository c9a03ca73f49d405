"""opta version."""

import argparse
from typing import Any

from opta_core.version import VERSION


def version(loaded: Any, args: argparse.Namespace) -> int:
    """opta version [--json]"""
    print(f'{{"version":"{VERSION}"}}' if args.json else f"opta {VERSION}")
    return 0
