"""Limits on time. They hold as written when a test runs by itself; beside other tests the clock measures those too, and a limit is wider.

A test of how fast something is has the marker `alone`, so that `./opta test` holds it to what is written. All other limits only tell
a slow machine from something that never happens. `./opta test` measures how slow the machine is, and sets OPTA_TEST_SLOWNESS. On a
machine that others use, OPTA_TEST_SLACK=5 widens the limits of every test.
"""

import os

_slowness = float(os.environ.get("OPTA_TEST_SLOWNESS") or 1)
SLACK = float(os.environ.get("OPTA_TEST_SLACK") or (10 if "PYTEST_XDIST_WORKER" in os.environ else 1) * _slowness)


def limit_s(seconds: float) -> float:
    """The limit that holds here and now, in seconds."""
    return seconds * SLACK
