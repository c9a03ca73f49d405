"""Use commands: run programs, read what they print, and do with it what was asked for."""

import hashlib

from ..exam_checks import called, file_is, only_changed, says
from ..exam_task import ExamTask

_SEAL = 'import hashlib\n\nwith open("cargo.txt", "rb") as file:\n    print("seal", hashlib.sha256(file.read()).hexdigest()[:8])\n'
_CARGO = "".join(f"{number:03d} crate {number * 17 % 101}\n" for number in range(40))
_STAGES = 'echo "stage 1: fine"\necho "stage 2: fine"\nn=$((6 * 7 - 5))\necho "stage 3: disk is full" >&2\nexit $n\n'
_TRIPS = "trip,boat,guests\n" + "".join(
    f"{number},{('heron', 'gull', 'tern')[number * 5 % 3]},{number * 31 % 47}\n" for number in range(1200)
)  # fmt: skip
_GULL = sum(number * 31 % 47 for number in range(1200) if number * 5 % 3 == 1)
_ROWS = """\
import sys

count, path = int(sys.argv[sys.argv.index("--rows") + 1]), sys.argv[sys.argv.index("--out") + 1]
with open(path, "w") as file:
    for number in range(count):
        file.write(f"{number},{number * number % 19}\\n")
"""
_HELP = """\
import sys

if sys.argv[1:2] != ["build"]:
    sys.exit("usage: python3 tool.py build [--region NAME]")
if "--region" not in sys.argv:
    sys.exit("error: a region is needed; those that exist are in regions.txt, and the one with the most boats is meant")
region = sys.argv[sys.argv.index("--region") + 1]
if region != "skagen":
    sys.exit(f"error: {region} is not the one with the most boats")
print("built", sum(map(ord, region)) * 7)
"""

SHELL_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="shell-run-and-report",
        kind="shell",
        prompts=("Run python3 seal.py and report the seal that it prints. Finish with one line: ANSWER: seal",),
        files={"seal.py": _SEAL, "cargo.txt": _CARGO},
        checks=(
            says("ANSWER", hashlib.sha256(_CARGO.encode()).hexdigest()[:8]),
            called("run_command", text="seal.py"),
            only_changed(),
        ),
        programs=("python3",),
    ),
    ExamTask(
        id="shell-exit-code",
        kind="shell",
        prompts=(
            "Run sh stages.sh. It fails. Report its exit code and the number of the stage that failed. Change nothing. "
            "Finish with two lines: CODE: number, STAGE: number",
        ),
        files={"stages.sh": _STAGES},
        checks=(says("CODE", "37"), says("STAGE", "3"), only_changed()),
        programs=("sh",),
    ),
    ExamTask(
        id="shell-sum",
        kind="shell",
        prompts=(
            "trips.csv has 1200 rows. How many guests were there on all trips of the boat gull together? Compute it with a command. "
            "Change nothing. Finish with one line: ANSWER: number",
        ),
        files={"trips.csv": _TRIPS},
        checks=(says("ANSWER", str(_GULL)), called("run_command", text="trips.csv"), only_changed()),
        programs=("awk",),
    ),
    ExamTask(
        id="shell-make-file",
        kind="shell",
        prompts=("Use rows.py to write a file rows.csv with 12 rows. Do not write it by hand, and change nothing else.",),
        files={"rows.py": _ROWS},
        checks=(
            file_is("rows.csv", "".join(f"{number},{number * number % 19}\n" for number in range(12))),
            called("run_command", text="rows.py"),
            only_changed("rows.csv"),
        ),
        programs=("python3",),
    ),
    ExamTask(
        id="shell-follow-the-errors",
        kind="shell",
        prompts=(
            "Run python3 tool.py build, and follow what its messages ask for until it has built. Finish with one line: ANSWER: the number that it built",
        ),
        files={"tool.py": _HELP, "regions.txt": "arhus 14 boats\nskagen 61 boats\nribe 9 boats\nesbjerg 58 boats\n"},
        checks=(
            says("ANSWER", str(sum(map(ord, "skagen")) * 7)),
            called("run_command", text="skagen"),
            only_changed(),
        ),
        programs=("python3",),
    ),
)
