"""Answers in an exact form that a program can read: JSON alone, CSV alone, one word."""

from ..exam_checks import answer_is, json_answer_is, only_changed
from ..exam_task import ExamTask

_ALONE = "Your answer is this JSON alone: no other text, no code fence. Change nothing."
_LETTER = """\
Dear harbour office,

my name is Lena Halvorsen, I am 34 years old, and my boat, the Tern, is to lie in your basin from 3 May on. She is 11.5 metres long.
I need electricity, but no water. You reach me at lena@halvorsen.example; a telephone I do not have.
"""
_TABLE = "boat;length;crew\nTern;11.5;2\nGull;7;1\nHeron;24.25;6\nSwift;9;1\n"
_LEVELS = """\
How messages are rated:

* critical: somebody may be hurt, or the harbour is closed
* major: a ship cannot leave
* minor: something is broken, and everybody can go on
* info: everything else

The first that fits counts.
"""
_TREE = {
    "docks/a/info.txt": "depth: 4\nopen: yes\n",
    "docks/b/info.txt": "depth: 6.5\nopen: no\n",
    "docks/c/info.txt": "open: yes\n",
}

STRUCTURED_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="structured-extract",
        kind="structured",
        prompts=(
            "Read letter.txt and answer with a JSON object with the keys name, age, boat, length, electricity, water, email, telephone: "
            f"numbers as numbers, needs as true or false, what is not there as null. {_ALONE}",
        ),
        files={"letter.txt": _LETTER},
        checks=(
            json_answer_is(
                {
                    "name": "Lena Halvorsen",
                    "age": 34,
                    "boat": "Tern",
                    "length": 11.5,
                    "electricity": True,
                    "water": False,
                    "email": "lena@halvorsen.example",
                    "telephone": None,
                }
            ),
            only_changed(),
        ),
    ),
    ExamTask(
        id="structured-list",
        kind="structured",
        prompts=(
            "boats.csv is separated by semicolons. Answer with a JSON array of its boats, the longest first; each is an object with the keys "
            f"boat (text), length (number) and crew (number). {_ALONE}",
        ),
        files={"boats.csv": _TABLE},
        checks=(
            json_answer_is(
                [
                    {"boat": "Heron", "length": 24.25, "crew": 6},
                    {"boat": "Tern", "length": 11.5, "crew": 2},
                    {"boat": "Swift", "length": 9, "crew": 1},
                    {"boat": "Gull", "length": 7, "crew": 1},
                ]
            ),
            only_changed(),
        ),
    ),
    ExamTask(
        id="structured-nested",
        kind="structured",
        prompts=(
            "Each folder in docks has a file info.txt. Answer with a JSON object that has the name of each dock as a key, in any order, and as "
            f"its value an object with depth (a number, or null where it is missing) and open (true or false). {_ALONE}",
        ),
        files=_TREE,
        checks=(
            json_answer_is({"a": {"depth": 4, "open": True}, "b": {"depth": 6.5, "open": False}, "c": {"depth": None, "open": True}}),
            only_changed(),
        ),
    ),
    ExamTask(
        id="structured-one-word",
        kind="structured",
        prompts=(
            "Rate the message in message.txt as LEVELS.md says. Your answer is the rating alone: one word in lower case, without a full stop. "
            "Change nothing.",
        ),
        files={
            "LEVELS.md": _LEVELS,
            "message.txt": "The lock gate is jammed. The ferry waits in the basin, all smaller boats pass by the side gate.\n",
        },
        checks=(answer_is("major"), only_changed()),
    ),
    ExamTask(
        id="structured-csv",
        kind="structured",
        prompts=(
            "Turn stock.json into CSV: the header name,count, then one row for each article that has a count above zero, sorted by name. "
            "Your answer is the CSV alone: no other text, no code fence. Change nothing.",
        ),
        files={"stock.json": '{"rope": 4, "anchor": 2, "sail": 0, "oar": 14, "bell": 1, "lamp": 0}\n'},
        checks=(answer_is("name,count\nanchor,2\nbell,1\noar,14\nrope,4"), only_changed()),
    ),
)
