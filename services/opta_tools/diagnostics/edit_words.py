"""What the result of an edit says about its checks: new problems and what was left out, bounded in number and size."""

from opta_core.result_lines import KEPT_CHARS_MIN
from opta_core.untrusted_text import harmless

from .checker_output import FoundProblem

PROBLEMS_MAX, PROBLEM_CHARS_MAX = 10, 240


def problem_lines(file: str, problems: list[FoundProblem], edit: str = "this edit") -> list[str]:
    """New problems of a file, one a line; nothing when there are none."""
    if not problems:
        return []
    shown = [one_line(f"{each.line}:{each.column} {each.code} {each.message}", each.checker) for each in problems[:PROBLEMS_MAX]]
    more = [f"and {len(problems) - PROBLEMS_MAX} more"] if len(problems) > PROBLEMS_MAX else []
    return [f"Opta: new problems in {file} after {edit}:", *shown, *more]


def one_line(text: str, checker: str = "") -> str:
    """A text on one line, of bounded length. Checkers quote the file, which may hold anything."""
    text = " ".join(harmless(text[: 4 * PROBLEM_CHARS_MAX]).split())
    text = text if len(text) <= PROBLEM_CHARS_MAX else f"{text[:PROBLEM_CHARS_MAX]}…"
    return f"{text} ({checker})" if checker else text


def with_lines(content: str, lines: list[str]) -> str:
    """The result of an edit with lines about it: at its end, but before a long diff, of which a model may read the beginning only."""
    if not lines:
        return content
    if len(content) <= KEPT_CHARS_MIN:
        return "\n".join([content, *lines])
    first, _, rest = content.partition("\n")
    return "\n".join([first, *lines, rest])
