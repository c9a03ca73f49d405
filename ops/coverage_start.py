"""Starts coverage measurement in each process of Opta or of its tests while `./opta test --coverage` runs.

The services get a cleaned environment, so a variable cannot pass this on; a `.pth` file in the virtual environment can.
"""

import os
import re
import sys
from pathlib import Path

_OURS = re.compile(
    r"\bopta_|bin/opta\b|\bpytest\b|\bsimulation\b|exec\(eval\(sys\.stdin"
)  # the last alternative is a worker of pytest-xdist

if _OURS.search(" ".join(sys.orig_argv)):
    os.environ["COVERAGE_PROCESS_START"] = str(Path(__file__).with_name("coverage.ini"))
    import coverage

    coverage.process_startup()
    del os.environ["COVERAGE_PROCESS_START"]
