"""Measures the process that runs it, when that is one of Opta or of its tests. Each process of the environment runs it while `./opta test --coverage` does.

The services get a cleaned environment, so no variable can carry this to them; a `.pth` file can.
"""

import os
import re
import sys
from pathlib import Path

_OURS = re.compile(r"\bopta_|bin/opta\b|\bpytest\b|\bsimulation\b|exec\(eval\(sys\.stdin")  # the last one is a worker of pytest-xdist

if _OURS.search(" ".join(sys.orig_argv)):
    os.environ["COVERAGE_PROCESS_START"] = str(Path(__file__).with_name("coverage.ini"))
    import coverage

    coverage.process_startup()
    del os.environ["COVERAGE_PROCESS_START"]
