"""Make new files: exact ones, and ones that follow from data or rules in the folder."""

import json

from ..exam_checks import file_is, json_file_is, only_changed, proof_script, proven
from ..exam_task import ExamTask

_HAIKU = "harbour lights go out\nthe last ferry hums and turns\nrope falls on wet stone\n"
_SALES = {
    "sales/north.json": {"region": "north", "sales": [120, 45, 310]},
    "sales/south.json": {"region": "south", "sales": [610, 12]},
    "sales/west.json": {"region": "west", "sales": [88, 91, 94, 7]},
}
_RULES = """\
# Configuration of the ferry

The file config.json holds one JSON object with exactly these keys:

* `name`: the text "ferry"
* `ports`: the list of all ports from 7001 to 7004, as numbers
* `debug`: false
* `owner`: null, because nobody is named yet
* `limits`: an object with `boats` 12 and `crew` 3.5
"""
_LAYOUT = """\
# The package

* lighthouse/__init__.py is empty.
* lighthouse/lamp.py holds two lines: `COLOURS = ["white", "red"]`, and below it `PERIOD_S = 5`.
* lighthouse/README.md holds one line: `Lamps of the lighthouse.`

Every file that is not empty ends with one line break.
"""


def _slug(text: str) -> str:
    """The reference for write-function."""
    words = "".join(each.lower() if each.isascii() and each.isalnum() else " " for each in text).split()
    return "-".join(words)[:20].rstrip("-")


_SLUG_INPUTS = [
    f"{head}{number} {tail}!"
    for number in range(40)
    for head, tail in (("Report", "of May"), ("a_b", "-- c"), ("ÄB", "long enough to be cut"))
]
_SLUG_CHECK = proof_script(
    "from slug import slug",
    ["slug.py"],
    """[
    ("slug('Hello World')", "hello-world"),
    ("slug('  a_b--c  ')", "a-b-c"),
    ("slug('')", ""),
    ("slug('Äpfel 12')", "pfel-12"),
    ("slug('one two three four five')", "one-two-three-four-f"),
    ("slug('one two three fours five')", "one-two-three-fours"),
]""",
    "[slug(f'{head}{number} {tail}!') for number in range(40) for head, tail in (('Report', 'of May'), ('a_b', '-- c'), ('ÄB', 'long enough to be cut'))]",
)

WRITE_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="write-exact",
        kind="write",
        prompts=(f"Create the file notes/haiku.txt with exactly these three lines, each ended by a line break:\n\n{_HAIKU}",),
        files={"README.md": "Notes go into the folder notes.\n"},
        checks=(file_is("notes/haiku.txt", _HAIKU), only_changed("notes/haiku.txt")),
    ),
    ExamTask(
        id="write-summary",
        kind="write",
        prompts=(
            "Each file in sales has a region and a list of sales. Write summary.csv: the header region,total, then one row for each "
            "region with the sum of its sales, the largest sum first. No blanks around the commas, and each row ends with a line break.",
        ),
        files={name: json.dumps(value) + "\n" for name, value in _SALES.items()},
        checks=(file_is("summary.csv", "region,total\nsouth,622\nnorth,475\nwest,280\n"), only_changed("summary.csv")),
    ),
    ExamTask(
        id="write-by-rules",
        kind="write",
        prompts=("Write config.json as RULES.md describes it.",),
        files={"RULES.md": _RULES},
        checks=(
            json_file_is(
                "config.json",
                {"name": "ferry", "ports": [7001, 7002, 7003, 7004], "debug": False, "owner": None, "limits": {"boats": 12, "crew": 3.5}},
            ),
            only_changed("config.json"),
        ),
    ),
    ExamTask(
        id="write-package",
        kind="write",
        prompts=("Create the files that LAYOUT.md describes.",),
        files={"LAYOUT.md": _LAYOUT},
        checks=(
            file_is("lighthouse/__init__.py", ""),
            file_is("lighthouse/lamp.py", 'COLOURS = ["white", "red"]\nPERIOD_S = 5\n'),
            file_is("lighthouse/README.md", "Lamps of the lighthouse.\n"),
            only_changed("lighthouse/__init__.py", "lighthouse/lamp.py", "lighthouse/README.md"),
        ),
    ),
    ExamTask(
        id="write-function",
        kind="write",
        prompts=(
            "Write slug.py with a function slug(text): every run of characters that are not ASCII letters or digits becomes one hyphen, "
            "letters become lower case, there are no hyphens at the beginning and at the end, and the result has at most 20 characters "
            "and does not end with a hyphen after it was cut. Then run python3 check.py until it passes. Do not change check.py.",
        ),
        files={"check.py": _SLUG_CHECK},
        checks=(only_changed("slug.py"), proven("check.py", ["slug.py"], [_slug(text) for text in _SLUG_INPUTS])),
        programs=("python3",),
    ),
)
