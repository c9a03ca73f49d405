"""Find things in a folder: a definition, a setting behind others, a line in a log, a difference."""

from ..exam_checks import only_changed, says
from ..exam_task import ExamTask

_CLEANING = '''"""Cleans what people type into forms."""

COUNTRY = "+49"


def strip_blanks(text):
    return " ".join(text.split())


def normalise_phone(text):
    digits = "".join(each for each in text if each.isdigit())
    return COUNTRY + digits.lstrip("0")
'''
_CALLER = '''"""{title}"""

from contact.cleaning import normalise_phone


def {name}(row):
    # normalise_phone(row) is not enough: the row has several fields.
    return normalise_phone(row["phone"])
'''
_WORDS = "amber birch cedar delta ember fjord grove heron islet juniper".split()
_HELPERS = "\n\n".join(
    f"def {name}(text):\n    return text{end}\n"
    for name, end in (
        ("shorten", "[:40]"), ("pad_left", ".rjust(12)"), ("pad_right", ".ljust(12)"), ("quote", '.join(["<", ">"])'),
        ("first_word", ".split()[0]"), ("upper_first", ".capitalize()"),
    )
)  # fmt: skip


def _request_id(number: int) -> str:
    return f"{(number * 7919 + 104729) % 1_000_000:06d}"


def _log() -> str:
    """300 requests from 10:00 on, 80 seconds apart; numbers 180 and later are after 14:00."""
    lines: list[str] = []
    for number in range(300):
        at = 36_000 + 80 * number
        status = {37: 503, 96: 503, 190: 500, 211: 503, 260: 503}.get(number, 200)
        lines.append(f"{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d} request={_request_id(number)} status={status}")
    return "\n".join(lines) + "\n"


def _note(number: int) -> str:
    number = 3 if number == 8 else number
    return "".join(f"{line + 1}. {_WORDS[(line * 3 + (number if line == 6 else 0)) % 10]} {40 + line}\n" for line in range(12))


def _limits(changed: int, value: int) -> str:
    return "".join(f"{_WORDS[at % 10]}_{at:02d} = {value if at == changed else at * 13 % 97}\n" for at in range(80))


FIND_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="find-definition",
        kind="find",
        prompts=(
            "Which file of this folder defines the function normalise_phone, and on which line does the definition begin? "
            "Change nothing. Finish with one line: ANSWER: path:line",
        ),
        files={
            "contact/cleaning.py": _CLEANING,
            "contact/importing.py": _CALLER.format(title="Imports contacts.", name="imported"),
            "contact/merging.py": _CALLER.format(title="Merges contacts.", name="merged"),
            "web/forms.py": _CALLER.format(title="Forms.", name="submitted"),
            "docs/contacts.md": "normalise_phone is described here.\n\n    def normalise_phone(text)\n",
        },
        checks=(says("ANSWER", "contact/cleaning.py:10"), only_changed()),
    ),
    ExamTask(
        id="find-importers",
        kind="find",
        prompts=(
            "Which Python files of this folder import the module ledger? Change nothing. "
            "Finish with one line that lists their paths in alphabetical order, separated by commas: ANSWER: paths",
        ),
        files={
            "app/invoices.py": "import ledger\n\nprint(ledger.total())\n",
            "app/reports.py": "from ledger import total\n\nprint(total())\n",
            "app/letters.py": "from ledger_old import total\n\nprint(total())\n",
            "jobs/nightly.py": "import json\nimport ledger as book\n\nprint(json.dumps(book.total()))\n",
            "jobs/backup.py": "# import ledger was removed here.\nprint('backup')\n",
            "tools/count.py": "import ledgers\n\nprint(len(ledgers.ALL))\n",
            "ledger.py": "def total():\n    return 12\n",
            "README.md": "Use it so:\n\n    import ledger\n",
        },
        checks=(says("ANSWER", "app/invoices.py, app/reports.py, jobs/nightly.py"), only_changed()),
    ),
    ExamTask(
        id="find-setting-chain",
        kind="find",
        prompts=(
            "app.ini chooses a profile, the profile chooses the limits, and the limits set max_boats. Which max_boats is in force? "
            "Change nothing. Finish with one line: ANSWER: number",
        ),
        files={
            "app.ini": "[app]\nname = ferry\nprofile = harbor\n",
            "profiles/harbor.ini": "[profile]\nlimits = night\n",
            "profiles/city.ini": "[profile]\nlimits = day\n",
            "limits/day.ini": "[limits]\nmax_boats = 5210\n",
            "limits/night.ini": "[limits]\nmax_boats = 4817\n",
            "limits/winter.ini": "[limits]\nmax_boats = 3308\n",
        },
        checks=(says("ANSWER", "4817"), only_changed()),
    ),
    ExamTask(
        id="find-log-line",
        kind="find",
        prompts=(
            "In server.log, what is the number of the first request after 14:00:00 that got status 503? Change nothing. "
            "Finish with one line: ANSWER: number",
        ),
        files={"server.log": _log()},
        checks=(says("ANSWER", _request_id(211)), only_changed()),
    ),
    ExamTask(
        id="find-same-content",
        kind="find",
        prompts=(
            "Two of the files in notes have exactly the same content. Which two? Change nothing. "
            "Finish with one line, in alphabetical order: ANSWER: path, path",
        ),
        files={f"notes/{number:02d}.txt": _note(number) for number in range(1, 11)},
        checks=(says("ANSWER", "notes/03.txt, notes/08.txt"), only_changed()),
    ),
    ExamTask(
        id="find-unused-function",
        kind="find",
        prompts=(
            "One function of helpers.py is called nowhere in this folder. Which one? Change nothing. Finish with one line: ANSWER: name",
        ),
        files={
            "helpers.py": _HELPERS,
            "table.py": "from helpers import pad_right, shorten\n\n\ndef pad_left_all(cells):\n    return [pad_right(shorten(each)) for each in cells]\n",
            "title.py": "import helpers\n\n# helpers.pad_left(title) looked wrong.\nprint(helpers.upper_first(helpers.first_word('a title')))\n",
            "quoting.py": "from helpers import quote as marked\n\nprint(marked('pad_left'))\n",
        },
        checks=(says("ANSWER", "pad_left"), only_changed()),
    ),
    ExamTask(
        id="find-difference",
        kind="find",
        prompts=(
            "Exactly one setting differs between old/limits.conf and new/limits.conf. Which one, and what is its new value? "
            "Change nothing. Finish with one line: ANSWER: name = value",
        ),
        files={"old/limits.conf": _limits(57, 61), "new/limits.conf": _limits(57, 16)},
        checks=(says("ANSWER", "heron_57 = 16"), only_changed()),
    ),
)
