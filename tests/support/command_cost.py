"""What it costs to start a command of `opta`: processor time beside that of `python -c pass`, measured in turn in one run."""

import os
import subprocess
import sys
from pathlib import Path

from support.daemon import OPTA

COMMANDS: dict[str, list[str]] = {"--help": ["--help"], "status": ["status"], "sessions list": ["sessions", "list"]}


def cost_ratios(environment: dict[str, str], cache: Path, repetitions: int) -> dict[str, float]:
    """Command -> least processor time by that of `python -c pass`. `cache`: a folder for bytecode, as an installation has it."""
    variables = {**environment, "PYTHONPYCACHEPREFIX": str(cache)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    lines = {"pass": [sys.executable, "-c", "pass"], **{name: [str(OPTA), *words] for name, words in COMMANDS.items()}}
    spent: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(repetitions + 1):
        for name, line in lines.items():
            used_s = _processor_s(line, variables)
            # The first round writes the bytecode.
            if number:
                spent[name].append(used_s)
    # Other work on the machine only adds to what a command costs.
    base = min(spent["pass"])
    return {name: min(spent[name]) / base for name in COMMANDS}


def _processor_s(line: list[str], variables: dict[str, str]) -> float:
    process = subprocess.Popen(line, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, line
    return used.ru_utime + used.ru_stime
