"""Which problems of an edited file are new: those that it did not have before, wherever their lines are now."""

import bisect
import difflib
import re
from collections import Counter
from collections.abc import Iterable

from .checker_output import FoundProblem

# The lines between the first and the last change are compared up to this number. Beyond it they count as replaced.
COMPARED_LINES_MAX = 2000
_NUMBER = re.compile(r"\d+")


# What a problem is, and the text of its line.
SeenProblem = tuple[tuple[str, str, str], str]


def new_problems(
    before: Iterable[FoundProblem],
    after: Iterable[FoundProblem],
    old_text: str,
    new_text: str,
    remembered: frozenset[SeenProblem] = frozenset(),
) -> list[FoundProblem]:
    """The problems of `after` that were not there before, by line.

    A problem is the same when its rule and message (apart from numbers) are, and its line is the same line, lies in the same replaced
    part, or is a line that was moved. Each problem of before accounts for one of after. `remembered`: what was there before the file could
    not be parsed, see `remember`.
    """
    old_lines, new_lines = old_text.split("\n"), new_text.split("\n")
    parts = _parts(old_lines, new_lines)
    by_part: Counter[tuple[_Kind, tuple[int, int]]] = Counter()
    moved: Counter[tuple[_Kind, str]] = Counter()
    for each in before:
        part = _old_part(parts, each.line)
        by_part[_kind(each), part] += 1
        if part[1] < 0:
            moved[_kind(each), _line_of(old_lines, each.line)] += 1
    unexplained: list[FoundProblem] = []
    for each in sorted(after, key=lambda each: (each.line, each.column, each.checker, each.code)):
        key = _kind(each), _new_part(parts, each.line)
        if by_part[key] > 0:
            by_part[key] -= 1
            moved[_kind(each), _line_of(new_lines, each.line)] -= 1
        else:
            unexplained.append(each)
    return [
        each
        for each in unexplained
        if not _was_moved(each, parts, new_lines, moved) and (_kind(each), _line_of(new_lines, each.line)) not in remembered
    ]


def remember(before: Iterable[FoundProblem], after: Iterable[FoundProblem], old_text: str, known: frozenset[SeenProblem]) -> frozenset[SeenProblem]:  # fmt: skip
    """What to remember beside the problems of `after`: while a file cannot be parsed, the problems that it had before that."""
    if not any(each.is_fatal for each in after):
        return frozenset()
    lines = old_text.split("\n")
    return known | {(_kind(each), _line_of(lines, each.line)) for each in before if not each.is_fatal}


def _was_moved(each: FoundProblem, parts: list["_Part"], new_lines: list[str], moved: "Counter[tuple[_Kind, str]]") -> bool:
    """Whether a problem of a changed line came with the line from another place. Counts it off."""
    key = _kind(each), _line_of(new_lines, each.line)
    if _new_part(parts, each.line)[1] >= 0 or moved[key] <= 0:
        return False
    moved[key] -= 1
    return True


_Kind = tuple[str, str, str]


def _kind(problem: FoundProblem) -> _Kind:
    return problem.checker, problem.code, _NUMBER.sub("#", problem.message)


def _line_of(lines: list[str], line: int) -> str:
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


# (first old line, behind the last, first new line, behind the last, whether they are equal); lines count from 0.
_Part = tuple[int, int, int, int, bool]


def _parts(old: list[str], new: list[str]) -> list[_Part]:
    """The texts as equal and replaced parts, in order."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_end, new_end = len(old) - end, len(new) - end
    parts: list[_Part] = [(0, start, 0, start, True)] if start else []
    if old_end - start <= COMPARED_LINES_MAX and new_end - start <= COMPARED_LINES_MAX:
        matcher = difflib.SequenceMatcher(None, old[start:old_end], new[start:new_end])
        parts += [(a + start, b + start, c + start, d + start, tag == "equal") for tag, a, b, c, d in matcher.get_opcodes()]
    else:
        parts.append((start, old_end, start, new_end, False))
    return [*parts, (old_end, len(old), new_end, len(new), True)] if end else parts


def _old_part(parts: list[_Part], line: int) -> tuple[int, int]:
    """(number of the part that holds an old line, its place in it; -1 when the part was replaced). `_new_part` is its twin."""
    return _part_of(parts, line, 0)


def _new_part(parts: list[_Part], line: int) -> tuple[int, int]:
    return _part_of(parts, line, 2)


def _part_of(parts: list[_Part], line: int, side: int) -> tuple[int, int]:
    number = bisect.bisect_left(parts, line, key=lambda part: part[side + 1])
    at = parts[number] if number < len(parts) and parts[number][side] < line else None
    return (-1, -1) if at is None else (number, line - 1 - at[side] if at[4] else -1)
