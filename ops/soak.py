"""`./opta dev soak --kills 2000`: kills and stops processes of several homes at random, then checks every promise.

It ends by itself. Homes and sessions are in a temporary folder.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.soak import run_side_by_side  # noqa: E402


def main() -> int:
    """Returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--homes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="opta-soak-") as folder:
        figures, stall_s, problems = run_side_by_side(Path(folder), chosen.kills, chosen.homes, chosen.seed)
    print(", ".join(f"{name} {value:,}" for name, value in sorted(figures.items())))
    print(f"longest stall {stall_s:.1f} s, {time.monotonic() - started:.0f} s in all, {len(problems)} violations")
    for problem in problems:
        print(f"✕ {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
