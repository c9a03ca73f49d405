"""Globs over relative paths, as regular expressions: the one translation that rules and searches use.

`*` and `?` stay within a component, `**` crosses components, `**/` stands for any folders or none, `[…]` is a set as in
the shell, `[!…]` its complement.
"""

import re
from functools import lru_cache

_PIECES = re.compile(r"\*\*/|\*+|\?|\[!?[^\]]+\]|.", re.DOTALL)


@lru_cache(512)
def compiled(glob: str) -> re.Pattern[str]:
    """The expression that matches exactly the paths that fit; use `match`. Raises ValueError for a set that runs backwards."""
    try:
        return re.compile("".join(map(_translated, _PIECES.findall(glob))) + r"\Z", re.DOTALL)
    except re.error as error:
        raise ValueError(f"{glob[:100]} is no usable pattern; a set in brackets goes from the lower to the higher character") from error


def without_sets(glob: str) -> str:
    """The same glob with brackets as plain characters: files are called `[id].tsx`, and a rule means such a file."""
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
