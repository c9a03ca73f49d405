"""Change exactly what was asked for, and nothing else."""

import ast

from ..exam_checks import file_is, file_passes, only_changed
from ..exam_task import ExamTask

_SERVICES = """\
{
  "mail": {"host": "mail.example", "retries": 3, "timeout": 20},
  "billing": {"host": "billing.example", "retries": 3, "timeout": 45},
  "search": {"host": "search.example", "retries": 3, "timeout": 10}
}
"""
_SCHEDULE = "".join(
    f"[{name}]\nstart = 06:00\nend = 18:00\nstaff = {staff}\n\n" for name, staff in (("day", 4), ("night", 2), ("weekend", 3))
)
_MENU = "Monday: soup\r\nTuesday: rice\r\nWednesday: fish\r\nThursday: rice with beans\r\nFriday: pasta\r\n"
_MAKEFILE = "build:\n\tmkdir -p build\n\tcp -r src build\n\ntest: build\n\tsh test.sh\n"
_GREETINGS = "de: Grüß Gott, schöne Welt\nel: Γειά σου Κόσμε\nja: こんにちは世界 🌏\nfr: Bonjour à tous les élèves\n"
_LARGE = "".join(f"key_{number:04d} = {number * 37 % 1009}\n" for number in range(900))
_TOTALS = '''"""Totals of an order."""


def net_total(lines):
    return sum(line["price"] * line["count"] for line in lines)


def legacy_total(lines):
    total = 0
    for line in lines:
        total = total + line["price"]
    return total


def gross_total(lines, rate):
    return round(net_total(lines) * (1 + rate), 2)
'''
_STOCK = "name,count,price\nbroom,4,7.20\nchair,11,39.00\ndesk,2,180.00\nmirror,5,24.90\nsofa,1,640.00\n"
_PORT = {
    "server.py": 'PORT = 8080\nOLD_PORT = 18080\n\n\ndef address(host):\n    return f"http://{host}:{PORT}"\n',
    "docs/start.md": "Open http://localhost:8080 in a browser. The old server used port 18080.\n",
    "deploy/server.conf.example": "SERVER_PORT=8080\nADMIN_PORT=18080\n",
    "tests/test_address.py": 'from server import address\n\nassert address("a") == "http://a:8080"\n',
}


def _only_without_legacy(text: str) -> str:
    try:
        names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "is not valid Python any more"
    parts = _TOTALS.split("\n\n\n")
    if names != ["net_total", "gross_total"] or "legacy" in text:
        return "does not have the two other functions alone"
    return "" if all(part.strip() in text for part in (parts[0], parts[1], parts[3])) else "has other changes too"


EDIT_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="edit-one-of-three",
        kind="edit",
        prompts=("In services.json, set the retries of billing to 5. Leave everything else in the file as it is, byte by byte.",),
        files={"services.json": _SERVICES, "services.md": "Each service has retries: 3.\n"},
        checks=(
            file_is("services.json", _SERVICES.replace('billing.example", "retries": 3', 'billing.example", "retries": 5')),
            only_changed("services.json"),
        ),
    ),
    ExamTask(
        id="edit-same-text-thrice",
        kind="edit",
        prompts=("In schedule.ini, let the night shift start at 21:30. Change nothing else.",),
        files={"schedule.ini": _SCHEDULE},
        checks=(
            file_is("schedule.ini", _SCHEDULE.replace("[night]\nstart = 06:00", "[night]\nstart = 21:30")),
            only_changed("schedule.ini"),
        ),
    ),
    ExamTask(
        id="edit-keep-line-ends",
        kind="edit",
        prompts=("In menu.txt, Tuesday has potatoes instead of rice. Keep the line endings of the file as they are.",),
        files={"menu.txt": _MENU},
        checks=(file_is("menu.txt", _MENU.replace("Tuesday: rice", "Tuesday: potatoes")), only_changed("menu.txt")),
    ),
    ExamTask(
        id="edit-add-target",
        kind="edit",
        prompts=(
            "Append a target named clean to the Makefile, after one empty line. Its only recipe line is: rm -rf build. "
            "Leave the other lines as they are.",
        ),
        files={"Makefile": _MAKEFILE, "test.sh": "echo ok\n", "src/main.txt": "main\n"},
        checks=(
            file_passes("Makefile", lambda text: "" if text.rstrip("\n") == _MAKEFILE + "\nclean:\n\trm -rf build" else "is another text"),
            only_changed("Makefile"),
        ),
    ),
    ExamTask(
        id="edit-unicode",
        kind="edit",
        prompts=("In greetings.txt, replace 世界 by 皆さん in the Japanese greeting. Leave the rest as it is.",),
        files={"greetings.txt": _GREETINGS},
        checks=(file_is("greetings.txt", _GREETINGS.replace("世界", "皆さん")), only_changed("greetings.txt")),
    ),
    ExamTask(
        id="edit-large-file",
        kind="edit",
        prompts=("In settings.txt, which has 900 lines, set key_0412 to 9000. Every other line stays as it is.",),
        files={"settings.txt": _LARGE},
        checks=(
            file_is("settings.txt", _LARGE.replace(f"key_0412 = {412 * 37 % 1009}\n", "key_0412 = 9000\n")),
            only_changed("settings.txt"),
        ),
    ),
    ExamTask(
        id="edit-remove-function",
        kind="edit",
        prompts=("Remove the function legacy_total from totals.py. Leave the other two functions exactly as they are.",),
        files={"totals.py": _TOTALS},
        checks=(file_passes("totals.py", _only_without_legacy), only_changed("totals.py")),
    ),
    ExamTask(
        id="edit-insert-sorted",
        kind="edit",
        prompts=(
            "Add an article to stock.csv: lamp, count 14, price 3.50. The rows are sorted by name and stay sorted; "
            "write the new row as the others are written, and change no other row.",
        ),
        files={"stock.csv": _STOCK},
        checks=(file_is("stock.csv", _STOCK.replace("mirror", "lamp,14,3.50\nmirror")), only_changed("stock.csv")),
    ),
    ExamTask(
        id="edit-across-files",
        kind="edit",
        prompts=(
            "The server's port changes from 8080 to 9090. Change it everywhere in this folder: code, tests, documents, examples. "
            "Port 18080 is another one and stays.",
        ),
        files=_PORT,
        checks=(
            *(file_is(name, text.replace("8080", "9090").replace("19090", "18080")) for name, text in _PORT.items()),
            only_changed(*_PORT),
        ),
    ),
)
