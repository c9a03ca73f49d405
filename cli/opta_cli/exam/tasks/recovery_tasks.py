"""A first attempt fails: a path that does not exist, an edit that fits several places, a program with a missing option."""

from ..exam_checks import called, file_is, only_changed, says
from ..exam_task import ExamTask

_SETTINGS = "DEBUG = True\nNAME = 'ferry'\nLIMIT = 20\n"
_RATES = "".join(
    f"def {name}(hours):\n    rate = 12\n    bonus = 0\n    return hours * rate + bonus\n\n\n"
    for name in ("day_shift", "late_shift", "night_shift", "harbour_shift")
)
_NIGHT = "def night_shift(hours):\n    rate = 12\n    bonus = 0\n"
_PACK = """\
import os
import sys

if not os.path.exists("manifest.txt"):
    sys.exit("error: manifest.txt is missing. It must hold the names of all files in parts, one a line, sorted.")
with open("manifest.txt") as file:
    names = file.read().splitlines()
if names != sorted(os.listdir("parts")):
    sys.exit("error: manifest.txt does not hold the names of all files in parts, one a line, sorted.")
total = 0
for name in names:
    with open(os.path.join("parts", name), "rb") as part:
        total += sum(part.read())
print("packed", total)
"""
_PARTS = {"parts/keel.txt": "oak 14\n", "parts/mast.txt": "spruce 9\n", "parts/deck.txt": "teak 40\n"}

RECOVERY_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="recovery-wrong-path",
        kind="recovery",
        prompts=(
            "In src/config/setings.py, set LIMIT to 35. The path may not be quite right: find the file that is meant. Make no new file.",
        ),
        files={
            "src/conf/settings.py": _SETTINGS,
            "src/conf/__init__.py": "",
            "src/main.py": "from conf import settings\n\nprint(settings.NAME)\n",
        },
        checks=(file_is("src/conf/settings.py", _SETTINGS.replace("20", "35")), only_changed("src/conf/settings.py")),
    ),
    ExamTask(
        id="recovery-ambiguous-edit",
        kind="recovery",
        prompts=("In rates.py, the bonus of the night shift becomes 30. The other shifts keep theirs.",),
        files={"rates.py": _RATES},
        checks=(file_is("rates.py", _RATES.replace(_NIGHT, _NIGHT.replace("bonus = 0", "bonus = 30"))), only_changed("rates.py")),
    ),
    ExamTask(
        id="recovery-failing-program",
        kind="recovery",
        prompts=(
            "Run python3 pack.py until it has packed; when it fails, do what its message asks for. Do not change pack.py or parts. "
            "Finish with one line: ANSWER: the number that it packed",
        ),
        files={"pack.py": _PACK, **_PARTS},
        checks=(
            says("ANSWER", str(sum(sum(text.encode()) for text in _PARTS.values()))),
            called("run_command", text="pack.py"),
            only_changed("manifest.txt"),
        ),
        programs=("python3",),
    ),
)
