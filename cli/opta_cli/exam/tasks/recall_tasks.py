"""Remember what stands far back: in a long file that was read, in a long prompt, in earlier turns."""

from ..exam_checks import called, no_calls_in, only_changed, says
from ..exam_task import ExamTask

_PLACES = "quay crane depot tower basin gate store slip".split()
_THINGS = "rope paint oil canvas timber coal grain salt wire glass".split()
_NAMES = "Ada Bo Cleo Dirk Eva Finn Gro Hans Ida Jan Kai Liv".split()


def _entry(number: int) -> str:
    thing, place, name = _THINGS[number * 7 % 10], _PLACES[number * 5 % 8], _NAMES[number * 11 % 12]
    return (
        f"Day {number}: {name} brought {number * 29 % 83 + 10} units of {thing} to the {place} and stayed until {8 + number % 9} o'clock.\n"
    )


def _journal(days: int, special: dict[int, str]) -> str:
    return "".join(_entry(day) + (f"Note: {special[day]}\n" if day in special else "") for day in range(1, days + 1))


_READ = "Read the whole file {}, also when it takes several calls. Answer with the word READY and nothing else."
_FROM_MEMORY = "Answer from memory: do not use any tool."
_SHORT = _journal(60, {17: "the spare anchor lies in hall 6.", 48: "the night watch ends at 05:40."})
_LONG = _journal(
    330,
    {
        4: "the harbour master's boat is called Vesper.",
        161: "the blue crane lifts 3850 kilograms.",
        318: "the archive has moved to room 29.",
    },
)
_PAIRS = "".join(f"{_THINGS[at % 10]}-{at:03d} = {at * 613 % 9973}\n" for at in range(220))

RECALL_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="recall-short-file",
        kind="recall",
        prompts=(
            _READ.format("journal.txt"),
            f"In which hall does the spare anchor lie, and when does the night watch end? {_FROM_MEMORY} "
            "Finish with two lines: HALL: number, TIME: hh:mm",
        ),
        files={"journal.txt": _SHORT},
        checks=(called("read_file", text="journal.txt"), no_calls_in(1), says("HALL", "6"), says("TIME", "05:40"), only_changed()),
    ),
    ExamTask(
        id="recall-long-file",
        kind="recall",
        prompts=(
            _READ.format("journal.txt"),
            "What is the name of the harbour master's boat, how many kilograms does the blue crane lift, and to which room has the archive "
            f"moved? {_FROM_MEMORY} Finish with three lines: BOAT: name, KILOGRAMS: number, ROOM: number",
        ),
        files={"journal.txt": _LONG},
        checks=(
            called("read_file", text="journal.txt"),
            no_calls_in(1),
            says("BOAT", "Vesper"),
            says("KILOGRAMS", "3850"),
            says("ROOM", "29"),
            only_changed(),
        ),
    ),
    ExamTask(
        id="recall-long-prompt",
        kind="recall",
        prompts=(
            f"These are the prices of a depot:\n\n{_PAIRS}\nWhat do glass-049 and oil-182 cost together? Do not use any tool. "
            "Finish with one line: ANSWER: number",
        ),
        files={},
        checks=(says("ANSWER", str(49 * 613 % 9973 + 182 * 613 % 9973)), no_calls_in(0)),
    ),
    ExamTask(
        id="recall-earlier-turns",
        kind="recall",
        prompts=(
            "Remember these codes: north gate 5518, south gate 7026, slip 3390. Answer with the word READY and nothing else.",
            "List the files of this folder with a tool, and read the longer of the two texts. How many lines does it have? "
            "Finish with one line: ANSWER: number",
            f"Which code belongs to the south gate, and which to the slip? {_FROM_MEMORY} Finish with two lines: SOUTH: number, SLIP: number",
        ),
        files={"a.txt": _journal(9, {}), "b.txt": _journal(31, {})},
        checks=(
            no_calls_in(2),
            called("read_file", text="b.txt"),
            says("SOUTH", "7026"),
            says("SLIP", "3390"),
            only_changed(),
        ),
    ),
    ExamTask(
        id="recall-latest-state",
        kind="recall",
        prompts=(
            "The crew: Ada steers, Bo cooks, Cleo keeps watch. Answer with the word READY and nothing else.",
            "Ada and Bo change places. Answer with the word READY and nothing else.",
            "Finn comes aboard and keeps watch; Cleo steers now, and the one who steered goes ashore. Answer with the word READY and nothing else.",
            f"Who cooks, who steers, and who went ashore? {_FROM_MEMORY} Finish with three lines: COOKS: name, STEERS: name, ASHORE: name",
        ),
        files={},
        checks=(says("COOKS", "Ada"), says("STEERS", "Cleo"), says("ASHORE", "Bo")),
    ),
)
