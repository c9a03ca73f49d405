"""What a pattern of grep asks for: matches over several lines, or what only the engine in Python can find."""

import re
from dataclasses import dataclass

from ..result import ToolProblem

PATTERN_CHARS_MAX = 1000
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_SPECIAL = re.compile(r"[\\.^$*+?()\[\]{}|]")
LITERAL_ABOUT = " (taken literally; there is none for the regular expression)"
_BREAKS = frozenset({"\n", "\\n"})
_ANYTHING = frozenset({"[\\s\\S]", "[\\S\\s]", "[\\w\\W]", "[\\W\\w]", "[\\d\\D]", "[\\D\\d]"})
_DOT_ALL = re.compile(r"\(\?[a-z]*s[a-z]*[):-]")
_LOOKS = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?(?:<?[=!]|P=|>|\()|\\[1-9])")


@dataclass(frozen=True)
class Pattern:
    """A pattern as a regular expression. `is_over_lines`: it may match more than a line; `looks`: it looks around or back."""

    text: str
    is_over_lines: bool
    looks: bool


def parsed(pattern: str) -> Pattern:
    """Read a pattern. A line break in it matches each kind of line end. Raises ToolProblem when it is too long or empty."""
    if len(pattern) > PATTERN_CHARS_MAX:
        raise ToolProblem("the pattern is longer than 1,000 characters")
    if "\0" in pattern or (not pattern.isprintable() and re.search("[\ud800-\udfff]", pattern)):
        raise ToolProblem("the pattern has a character that no text has (NUL or half of a pair); leave it out")
    if not pattern:
        raise ToolProblem("the pattern is empty; give a regular expression, or find files by name with search_files")
    pieces = _PIECE.findall(pattern)
    text = "".join(r"(?:\r?\n)" if piece in _BREAKS else piece for piece in pieces)
    return Pattern(text, _is_over_lines(pieces, pattern), bool(_LOOKS.search(pattern)))


def compile_safely(pattern: str, flags: int) -> re.Pattern[str]:
    """Compile a pattern. One with nested or many unbounded repeats is compiled as literal text, which bounds the time of a match.

    Raises ToolProblem when the pattern is too long.
    """
    if len(pattern) > PATTERN_CHARS_MAX:
        raise ToolProblem("the pattern is longer than 1,000 characters")
    try:
        if _may_take_long(pattern):
            raise re.error("too complex")
        return re.compile(pattern, flags)
    except (re.error, ValueError, OverflowError, RecursionError):
        return re.compile(escaped(pattern), flags)


def compiled(pattern: str, flags: int) -> tuple[re.Pattern[str], str]:
    """(the expression, how the pattern was read if not as one), for a process that can be killed."""
    try:
        return re.compile(pattern, flags), ""
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return re.compile(escaped(pattern), flags), literally(str(error))


def is_literal(pattern: str) -> bool:
    """Whether a pattern as text is the same as the pattern as a regular expression."""
    return not _SPECIAL.search(pattern)


def escaped(pattern: str) -> str:
    """The regular expression that matches a pattern as text, for every engine."""
    return _SPECIAL.sub(r"\\\g<0>", pattern).replace("\n", r"(?:\r?\n)")


def literally(problem: str) -> str:
    """What the head of an answer says about a pattern that is not valid."""
    return f" (taken literally, because it is not a valid regular expression: {' '.join(problem.split())[:120]})"


def is_costly(pattern: str, glob: str | None = None) -> bool:
    """Whether matching may take long: a pattern with more than one repeat, or a glob with many stars.

    A match in Python holds the interpreter, so such a search runs in a separate process that can be killed.
    """
    repeats = len(re.findall(r"[*+{]", pattern))
    return (
        repeats > 1
        or (repeats > 0 and _is_over_lines(_PIECE.findall(pattern), pattern))
        or bool(_LOOKS.search(pattern))
        or _may_take_long(pattern)
        or (glob is not None and glob.count("*") > 3)
    )


def _is_over_lines(pieces: list[str], pattern: str) -> bool:
    return any(piece in _BREAKS or piece in _ANYTHING for piece in pieces) or bool(_DOT_ALL.search(pattern))


def _may_take_long(pattern: str) -> bool:
    nested = re.search(r"\([^()]*[*+{|][^()]*\)\s*[*+{]", pattern) or re.search(r"\\\d|\(\?[P<=!]", pattern)
    unbounded = len(re.findall(r"(?<!\\)[*+]|\{\d+,\}", pattern))
    deep = re.search(r"\([^()]*\([^()]*[*+{]", pattern)
    return bool(nested or deep or unbounded > 3)
