"""Make calls that do not depend on each other in one step, and those that do in their order."""

from ..exam_checks import file_is, only_changed, says, together
from ..exam_task import ExamTask

_ONE_STEP = "Make all these calls in one step, side by side, and not one after another."
_TIDES = {
    f"tides/{name}.txt": f"gauge {name}\nlevel {level}\n"
    for name, level in (("a", 214), ("b", 187), ("c", 305), ("d", 96), ("e", 251), ("f", 142))
}
_LABELS = {f"labels/{name}.txt": f"{name.upper()} dock\n" for name in ("east", "north", "south", "west")}
_CHAIN = {
    "start.txt": "Go on in 5b2.txt.\n",
    "5b2.txt": "Go on in 91c.txt. Number: 40\n",
    "91c.txt": "Go on in e07.txt. Number: 17\n",
    "e07.txt": "This is the end. Number: 8\n",
    "77a.txt": "Nobody leads here. Number: 1000\n",
}
_LOGS = {
    "logs/mon.txt": "08:10 open\n09:31 alarm pump\n17:00 closed\n",
    "logs/tue.txt": "08:05 open\n17:02 closed\n",
    "logs/wed.txt": "08:12 open\n11:47 alarm hatch 3\n16:58 closed\n",
}

PARALLEL_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="parallel-read",
        kind="parallel",
        prompts=(
            f"Read the six files tides/a.txt, b.txt, c.txt, d.txt, e.txt and f.txt with read_file. {_ONE_STEP} Then add up the levels. "
            "Change nothing. Finish with one line: ANSWER: number",
        ),
        files=_TIDES,
        checks=(says("ANSWER", "1195"), together(6, "read_file"), only_changed()),
    ),
    ExamTask(
        id="parallel-write",
        kind="parallel",
        prompts=(
            "Write four files with write_file: labels/east.txt, labels/north.txt, labels/south.txt and labels/west.txt. Each holds one line: "
            f"its name in capitals, a blank, and the word dock, such as EAST dock. {_ONE_STEP}",
        ),
        files={"README.md": "Labels of the docks.\n"},
        checks=(*(file_is(name, text) for name, text in _LABELS.items()), together(4, "write_file"), only_changed(*_LABELS)),
    ),
    ExamTask(
        id="parallel-mixed",
        kind="parallel",
        prompts=(
            f"Do three things with three calls: list the folder logs, search for alarm with grep, and read logs/tue.txt. {_ONE_STEP} "
            "Then say on which days there was an alarm. Change nothing. Finish with one line, in the order of the week: ANSWER: file names without .txt",
        ),
        files=_LOGS,
        checks=(says("ANSWER", "mon, wed"), together(3, "list_dir", "grep", "read_file"), only_changed()),
    ),
    ExamTask(
        id="parallel-not-possible",
        kind="parallel",
        prompts=(
            "Begin with start.txt and follow the files from one to the next until the end. Add up the numbers in the files on this path only. "
            "Change nothing. Finish with one line: ANSWER: number",
        ),
        files=_CHAIN,
        checks=(says("ANSWER", "65"), only_changed()),
    ),
)
