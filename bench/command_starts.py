"""What a command of the command line costs to start, beside a Python that does nothing."""

import tempfile
from pathlib import Path

from figure import Figure
from support.command_cost import cost_ratios
from support.daemon import Daemon

REPETITIONS = 25
BARS = {"--help": 5.0, "status": 7.0, "sessions list": 7.0}


def figures(daemon: Daemon) -> list[Figure]:
    """The ratios of processor time, measured in turn."""
    with tempfile.TemporaryDirectory() as folder:
        found = cost_ratios(daemon.environment, Path(folder), REPETITIONS)
    note = f"processor time, least of {REPETITIONS}, in turn with it"
    return [Figure(f"`opta {name}` to `python -c pass`", ratio, "×", BARS[name], note=note) for name, ratio in found.items()]
