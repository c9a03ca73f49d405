"""Translates globs over relative paths to regular expressions. Policy rules and searches both use this translation.

`*` and `?` match within one path component, `**` matches across components, `**/` matches zero or more folders, `[…]` is a
set as in the shell, and `[!…]` is its complement.
"""

import re
from functools import lru_cache

_PIECES = re.compile(r"\*\*/|\*+|\?|\[!?[^\]]+\]|.", re.DOTALL)


@lru_cache(512)
def compiled(glob: str) -> re.Pattern[str]:
    """The expression for a glob, to be used with `match`. Raises ValueError for a set with a reversed range."""
    try:
        return re.compile("".join(map(_translated, _PIECES.findall(glob))) + r"\Z", re.DOTALL)
    except re.error as error:
        raise ValueError(f"{glob[:100]} is not a valid pattern: a range in brackets goes from the lower to the higher character") from error


def without_sets(glob: str) -> str:
    """The same glob with brackets as plain characters, because a rule for `[id].tsx` means the file of that name."""
    return glob.replace("[", "[[]")


def _translated(piece: str) -> str:
    if piece == "**/":
        return "(?:.*/)?"
    if piece.startswith("**"):
        return ".*"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        negation = "^" if piece[1] == "!" else ""
        return f"[{negation}" + re.escape(piece[1:-1].removeprefix("!")).replace(r"\-", "-") + "]"
    return re.escape(piece)
