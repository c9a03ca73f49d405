"""The second run of tests that failed: a test that fails beside others and passes alone is reported by name, and does not fail the whole.

Thousands of tests start real processes on two cores, and now and then one of them gets no share of the machine for as long as it waits. A
fault of the product fails twice. `OPTA_TEST_REPEAT=0` turns the second run off, to count the tests that are not steady.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
AT_MOST = 30
"""Tests that are run again. More than these are not a matter of chance."""


def forget(root: Path) -> None:
    """Remove the record of an earlier run."""
    (root / FAILED).unlink(missing_ok=True)


def failed_tests(root: Path) -> list[str]:
    """The node ids of the tests that failed since `forget`, sorted; empty when there is no record."""
    try:
        return sorted(json.loads((root / FAILED).read_bytes()))
    except (OSError, ValueError):
        return []


def passed_alone(root: Path, environment: Mapping[str, str]) -> list[str]:
    """Run the failed tests again in one process. Returns their node ids when all of them pass, and else an empty list."""
    tests = failed_tests(root)
    if not tests or len(tests) > AT_MOST or os.environ.get("OPTA_TEST_REPEAT") == "0":
        return []
    print(f"repeating {len(tests)} failed tests, one at a time", flush=True)
    ended = subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=root, env=dict(environment), check=False)
    return tests if ended.returncode == 0 else []
