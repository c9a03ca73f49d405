"""Quantises the weights of one model folder: `python -m opta_lmx.engine.weight_quantiser SOURCE TARGET BITS GROUP`.

A process of its own, because mlx is imported in no other and a failure of it can end the process. It writes config.json and the
weights to TARGET, which exists, and JSON lines to standard output: the bytes of the weights once they are known, or why it failed.
"""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from opta_core.process.parent_death import die_with_parent

from . import deferred_packages


def main() -> int:
    """Run the program; returns its exit code."""
    os.umask(0o077)
    die_with_parent()
    source, target, bits, group = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    # mlx-lm prints what it does.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            _quantise(source, target, bits, group)
        except Exception as error:  # mlx-lm raises anything on a folder that it cannot read
            _say({"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
            return 1
    return 0


def _quantise(source: Path, target: Path, bits: int, group: int) -> None:
    deferred_packages.defer()
    from .mlx_adapter import quantised_model, save_weights

    model, config, size, changed = quantised_model(source, bits, group)
    if not changed:
        _say({"failed": f"none of its weights can be quantised in groups of {group}; they may be quantised already"})
        raise SystemExit(1)
    _say({"total": size})
    save_weights(target, model, config)


def _say(line: dict[str, Any]) -> None:
    assert sys.__stdout__ is not None
    print(json.dumps(line), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    sys.exit(main())
