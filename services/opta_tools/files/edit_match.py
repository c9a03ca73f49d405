"""Finds the text `old` of an edit in a file: an exact match first, then tolerant matches. An ambiguous match is an error.

Tolerated differences, in this order, are those that small local models often make: line ends, spaces at the ends of lines and
indentation; line numbers copied from a listing; typographic quotes and dashes.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..result import ToolProblem
from .encoding import lines_of

# As read_file writes it, and as other listings do.
_NUMBERED = re.compile(r"[ \t]*\d+(?:\t|:[ ]?|[ ]*[|│→][ \t]?|$)")
_OURS = re.compile(r"\d+\t")
_TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u00a0": " ",
    }
)


@dataclass(frozen=True)
class Replacement:
    """One match: characters `start` to `end` are replaced by `new`. `tolerated`: the difference that was ignored ('' for none)."""

    start: int
    end: int
    new: str
    tolerated: str = ""


def find(text: str, old: str, new: str, path: str, *, everywhere: bool = False) -> list[Replacement]:
    """The matches of `old`, in order. `everywhere`: several exact matches are allowed. Raises ToolProblem, which says how to correct `old`."""
    if not old:
        raise ToolProblem("old is empty; use write_file to create a file")
    if old == new:
        raise ToolProblem("old and new are the same; nothing to do")
    exact = [match.start() for match in re.finditer(re.escape(old), text)]
    if len(exact) > 1 and not everywhere:
        raise ToolProblem(
            f"old matches {len(exact)} places in {path} (lines {_lines_at(text, exact)}); give more lines around it, or all=true"
        )
    if exact:
        return [Replacement(at, at + len(old), new) for at in exact]
    for tolerated, change in _TOLERANCES:
        pair = change(old, new)
        if pair is None:
            continue
        inside = _inside(text, *pair, tolerated)
        matches = inside or list(_by_lines(text, *pair, tolerated))
        if len(matches) > 1 and not (inside and everywhere):
            where = _lines_at(text, [match.start for match in matches])
            raise ToolProblem(
                f"old matches {len(matches)} places in {path} if {tolerated} is ignored (lines {where}); give more lines around it"
            )
        if matches:
            return matches
    raise ToolProblem(_not_found(text, old, path))


def apply(text: str, matches: list[Replacement]) -> str:
    """The text with every match replaced."""
    for match in reversed(matches):
        text = text[: match.start] + match.new + text[match.end :]
    return text


def _inside(text: str, old: str, new: str, tolerated: str) -> list[Replacement]:
    """Every place that equals `old`, which may begin and end inside a line; none for a text without a letter or sign."""
    if not old.strip():
        return []
    return [Replacement(match.start(), match.end(), new, tolerated) for match in re.finditer(re.escape(old), text)]


def _by_lines(text: str, old: str, new: str, tolerated: str) -> Iterator[Replacement]:
    """Every sequence of whole lines that equals `old` apart from the space around each line."""
    wanted = [_bare(line) for line in old.strip("\r\n").split("\n")]
    if not any(wanted):
        raise ToolProblem("old holds only whitespace")
    lines = lines_of(text)
    bare = [_bare(line) for line in lines]
    offset = 0
    for at in range(len(lines) - len(wanted) + 1):
        if bare[at] == wanted[0] and bare[at : at + len(wanted)] == wanted:
            found = lines[at : at + len(wanted)]
            end = offset + sum(map(len, found))
            yield Replacement(offset, end, _fitted(old, new, found), tolerated)
        offset += len(lines[at])


def _fitted(old: str, new: str, found: list[str]) -> str:
    """`new` with the indentation and line ends of the lines that it replaces."""
    ending = "\r\n" if found[0].endswith("\r\n") else "\n"
    last = found[-1].endswith("\n")
    if not new.strip():
        return ""
    lines = [line.rstrip("\r") for line in new.strip("\r\n").split("\n")]
    pairs = [(_indent(line), _indent(real)) for line, real in zip(old.strip("\r\n").split("\n"), found, strict=True) if line.strip()]
    given, real = pairs[0]
    # If only the first line lost its indentation, the other lines are indented correctly already.
    others_fit = len(pairs) > 1 and all(ours == theirs for ours, theirs in pairs[1:])
    if given != real:
        first, rest = lines[:1], lines[1:]
        lines = [_moved(line, given, real) for line in first] + (rest if others_fit else [_moved(line, given, real) for line in rest])
    return ending.join(lines) + (ending if last else "")


def _moved(line: str, given: str, real: str) -> str:
    if not line.strip():
        return line
    if line.startswith(given):
        return real + line[len(given) :]
    # Less indented than the first line: keep the difference as far as possible.
    return real[: max(0, len(real) - (len(given) - len(_indent(line))))] + line.lstrip(" \t")


def _spaces(old: str, new: str) -> tuple[str, str]:
    return old, new


def _numbers(old: str, new: str) -> tuple[str, str] | None:
    lines = [line for line in old.strip("\n").split("\n") if line.strip()]
    if not lines or not all(_NUMBERED.match(line) for line in lines):
        return None
    numbers = [int(re.findall(r"\d+", line)[0]) for line in lines]
    if len(numbers) > 1 and numbers != sorted(set(numbers)):
        return None
    bare = _unnumbered(old)
    if not bare.strip():
        return None
    has_numbers = all(_NUMBERED.match(line) for line in new.split("\n") if line.strip())
    # Lines that the model adds often have no number.
    return bare, _unnumbered(new) if has_numbers else "\n".join(_without(numbers, line) for line in new.split("\n"))


def _without(numbers: list[int], line: str) -> str:
    """A line without its number, if it is one of `numbers`."""
    found = _OURS.match(line)
    return line[found.end() :] if found and int(found[0]) in numbers else line


def _unnumbered(text: str) -> str:
    return "\n".join(_NUMBERED.sub("", line, count=1) for line in text.split("\n"))


def _quotes(old: str, new: str) -> tuple[str, str] | None:
    plain = old.translate(_TYPOGRAPHY)
    return (plain, new.translate(_TYPOGRAPHY)) if plain != old else None


_TOLERANCES: tuple[tuple[str, Callable[[str, str], tuple[str, str] | None]], ...] = (
    ("whitespace", _spaces),
    ("line numbers", _numbers),
    ("typography", _quotes),
)


def _bare(line: str) -> str:
    return line.strip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _lines_at(text: str, starts: list[int]) -> str:
    numbers = [text.count("\n", 0, start) + 1 for start in starts[:8]]
    return ", ".join(map(str, numbers)) + (", …" if len(starts) > 8 else "")


def _not_found(text: str, old: str, path: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    wanted = next((line.strip() for line in old.split("\n") if line.strip()), "")
    near = difflib.get_close_matches(wanted[:300], [line[:300] for line in lines[:5000] if line], 1, 0.6)
    hint = f" The nearest line is line {[line[:300] for line in lines].index(near[0]) + 1}: {near[0]}" if near else ""
    return f"old is not in {path}; read the file again and copy the lines exactly.{hint}"
