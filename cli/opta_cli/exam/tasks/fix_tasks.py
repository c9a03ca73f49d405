"""Fix code until its check passes, without touching the check.

The check prints a proof that holds the results for many inputs whose right values are not in the folder (`exam_checks.proof_script`).
"""

from typing import Any

from ..exam_checks import only_changed, proof_script, proven
from ..exam_task import ExamTask

_RUN = "Then run python3 check.py until it passes. Do not change check.py."


def _fix(id_: str, prompt: str, files: dict[str, str], sources: list[str], check: tuple[str, str, str], results: Any) -> ExamTask:
    """A task whose folder has check.py. `check`: its imports, its visible cases, and the expression with the hidden results."""
    imports, visible, hidden = check
    return ExamTask(
        id=id_,
        kind="fix",
        prompts=(f"{prompt} {_RUN}",),
        files={**files, "check.py": proof_script(imports, sources, visible, hidden)},
        checks=(only_changed(*sources), proven("check.py", sources, results)),
        programs=("python3",),
        steps_max=40,
    )


# The references: what correct code gives for the hidden inputs.


def _page(items: list[int], number: int, size: int) -> list[int]:
    return items[(number - 1) * size : number * size] if number > 0 else []


def _median(values: list[int]) -> float | None:
    ordered = sorted(values)
    half = len(ordered) // 2
    if not ordered:
        return None
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _split(cents: int, people: int) -> list[int]:
    return [cents // people + (at < cents % people) for at in range(people)]


def _minutes(text: str) -> int:
    hours, _, minutes = text.rpartition("h")
    return int(hours or 0) * 60 + int(minutes.removesuffix("m") or 0)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


def _counted(rows: list[dict[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        city = row.get("city", "").strip().title() or "unknown"
        counts[city] = counts.get(city, 0) + 1
    return dict(sorted(counts.items()))


def _price(count: int, is_member: bool) -> int:
    price = count * 500
    if count >= 10:
        price = price * 90 // 100
    return price - 300 if is_member and price > 300 else price


_SPANS = [[(at % 7, at % 7 + 2), (at % 11, at % 11 + at % 3), (at % 5, 6), (20, 21)] for at in range(60)]
_CITIES = [
    [{"city": " riga"}, {"city": "RIGA" if at % 2 else "oslo "}, {"name": "x"}, {"city": ""}, {"city": "turku"}][: at % 6]
    for at in range(40)
]

FIX_TASKS: tuple[ExamTask, ...] = (
    _fix(
        "fix-off-by-one",
        "pages.py cuts a list into pages; page 1 is the first one, and pages below 1 are empty. It gives wrong pages. Fix it.",
        {"pages.py": "def page(items, number, size):\n    start = number * size\n    return items[start : start + size - 1]\n"},
        ["pages.py"],
        (
            "from pages import page",
            "[\n    ('page([1, 2, 3, 4, 5], 1, 2)', [1, 2]),\n    ('page([1, 2, 3, 4, 5], 3, 2)', [5]),\n    ('page([1, 2], 4, 2)', []),\n"
            "    ('page([1, 2, 3], 0, 2)', []),\n]",
            "[page(list(range(count)), number, size) for count in range(12) for number in range(-1, 5) for size in (1, 3, 4)]",
        ),
        [_page(list(range(count)), number, size) for count in range(12) for number in range(-1, 5) for size in (1, 3, 4)],
    ),
    _fix(
        "fix-edge-cases",
        "median.py crashes for an empty list, and for an even number of values its result is not the mean of the two in the middle. "
        "The median of nothing is None; otherwise it is a float. The list that is given must not be changed. Fix it.",
        {"median.py": "def median(values):\n    values.sort()\n    return float(values[len(values) // 2])\n"},
        ["median.py"],
        (
            "from median import median",
            "[\n    ('median([3, 1, 2])', 2.0),\n    ('median([])', None),\n    ('median([4, 1, 3, 2])', 2.5),\n"
            "    ('(lambda x: (median(x), x))([2, 1])', (1.5, [2, 1])),\n]",
            "[median([at * 7 % 13 for at in range(count)]) for count in range(40)]",
        ),
        [_median([at * 7 % 13 for at in range(count)]) for count in range(40)],
    ),
    _fix(
        "fix-two-files",
        "A bill is split among people in shares.py, and money.py writes amounts. Shares must be whole cents that add up to the bill, "
        "larger shares first, and no two shares differ by more than one cent. Amounts are written as 3.05. Both files have a fault. Fix both.",
        {
            "shares.py": "def split(cents, people):\n    return [round(cents / people)] * people\n",
            "money.py": "def written(cents):\n    return f'{cents // 100}.{cents % 100}'\n",
        },
        ["shares.py", "money.py"],
        (
            "from money import written\nfrom shares import split",
            "[\n    ('split(1000, 3)', [334, 333, 333]),\n    ('split(7, 2)', [4, 3]),\n    (\"written(305)\", '3.05'),\n    (\"written(1250)\", '12.50'),\n]",
            "[(split(cents, people), written(cents)) for cents in range(0, 900, 13) for people in (1, 2, 3, 7)]",
        ),
        [(_split(cents, people), f"{cents // 100}.{cents % 100:02d}") for cents in range(0, 900, 13) for people in (1, 2, 3, 7)],
    ),
    _fix(
        "fix-parser",
        "duration.py reads durations such as 2h30m, 45m, 3h and 1h05 as minutes. It fails for some forms. Fix it.",
        {"duration.py": "def minutes(text):\n    hours, rest = text.split('h')\n    return int(hours) * 60 + int(rest)\n"},
        ["duration.py"],
        (
            "from duration import minutes",
            "[\n    (\"minutes('2h30m')\", 150),\n    (\"minutes('45m')\", 45),\n    (\"minutes('3h')\", 180),\n    (\"minutes('1h05')\", 65),\n]",
            "[minutes(f'{h}h{m:02d}{end}') for h in range(5) for m in range(0, 60, 7) for end in ('', 'm')] + [minutes(f'{n}m') for n in range(90)]"
            " + [minutes(f'{n}h') for n in range(30)]",
        ),
        [_minutes(f"{h}h{m:02d}{end}") for h in range(5) for m in range(0, 60, 7) for end in ("", "m")]
        + [_minutes(f"{n}m") for n in range(90)]
        + [_minutes(f"{n}h") for n in range(30)],
    ),
    _fix(
        "fix-algorithm",
        "spans.py merges spans (begin, end) that overlap or touch into larger ones, sorted by begin. Its result is wrong for unsorted "
        "spans, and for a span inside of another. Fix it.",
        {
            "spans.py": (
                "def merged(spans):\n    result = []\n    for begin, end in spans:\n        if result and begin < result[-1][1]:\n"
                "            result[-1] = (result[-1][0], end)\n        else:\n            result.append((begin, end))\n    return result\n"
            )
        },
        ["spans.py"],
        (
            "from spans import merged",
            "[\n    ('merged([(1, 3), (2, 5)])', [(1, 5)]),\n    ('merged([(4, 6), (1, 2)])', [(1, 2), (4, 6)]),\n"
            "    ('merged([(1, 9), (2, 3)])', [(1, 9)]),\n    ('merged([(1, 2), (2, 4)])', [(1, 4)]),\n    ('merged([])', []),\n]",
            "[merged([(at % 7, at % 7 + 2), (at % 11, at % 11 + at % 3), (at % 5, 6), (20, 21)]) for at in range(60)]",
        ),
        [_merged(list(spans)) for spans in _SPANS],
    ),
    _fix(
        "fix-dirty-data",
        "cities.py counts rows by city and crashes for some rows. A city counts without blanks around it and whatever its case, written "
        "as a title (Riga); rows without a city count as unknown; the result is sorted by name. Fix it.",
        {
            "cities.py": (
                "def counted(rows):\n    counts = {}\n    for row in rows:\n        counts[row['city']] = counts[row['city']] + 1\n    return counts\n"
            )
        },
        ["cities.py"],
        (
            "from cities import counted",
            "[\n    (\"counted([{'city': 'riga'}, {'city': 'Riga '}])\", {'Riga': 2}),\n    (\"counted([{'name': 'x'}, {'city': ''}])\", {'unknown': 2}),\n"
            "    (\"list(counted([{'city': 'turku'}, {'city': 'oslo'}]))\", ['Oslo', 'Turku']),\n]",
            "[counted([{'city': ' riga'}, {'city': 'RIGA' if at % 2 else 'oslo '}, {'name': 'x'}, {'city': ''}, {'city': 'turku'}][: at % 6])"
            " for at in range(40)]",
        ),
        [_counted(list(rows)) for rows in _CITIES],
    ),
    _fix(
        "fix-by-specification",
        "PRICES.md describes the prices, and price.py computes them wrongly. The check is right. Fix price.py.",
        {
            "PRICES.md": "A ticket costs 500. Ten tickets or more: 10 % off. Members then pay 300 less, if the price is above 300.\n",
            "price.py": (
                "def price(count, is_member):\n    total = count * 500\n    if is_member:\n        total = total - 300\n"
                "    if count > 10:\n        total = total * 90 // 100\n    return total\n"
            ),
        },
        ["price.py"],
        (
            "from price import price",
            "[\n    ('price(1, False)', 500),\n    ('price(10, False)', 4500),\n    ('price(12, True)', 5100),\n    ('price(0, True)', 0),\n]",
            "[price(count, is_member) for count in range(40) for is_member in (True, False)]",
        ),
        [_price(count, is_member) for count in range(40) for is_member in (True, False)],
    ),
)
