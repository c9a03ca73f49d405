"""What the composer completes: commands behind `/` at the start of a message, files behind `@`."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from textual.fuzzy import FuzzySearch

SHOWN_MAX = 8
_FILE = re.compile(r"(?:^|\s)@([^\s@]*)$")
_COMMAND = re.compile(r"/([\w-]*)$")


class Choice(NamedTuple):
    """Something to choose by its words. `group`: a heading above it; `hint`: a key, or a state; `is_free`: whether it can be chosen."""

    id: str
    label: str
    detail: str = ""
    group: str = ""
    hint: str = ""
    is_free: bool = True


class WantedCompletion(NamedTuple):
    """What is to be completed: `kind` is command or file, `words` what was typed of it, `start` where that begins in the message."""

    kind: str
    words: str
    start: int


def wanted(before: str) -> WantedCompletion | None:
    """What the text before the cursor asks for; None for nothing."""
    if (found := _COMMAND.fullmatch(before)) is not None:
        return WantedCompletion("command", found[1], 0)
    if (found := _FILE.search(before)) is not None:
        return WantedCompletion("file", found[1], found.start(1) - 1)
    return None


def ranked(choices: Iterable[Choice], words: str, recent: Iterable[str] = ()) -> list[Choice]:
    """The choices that match, the best first; without words all of them, the recent ones first.

    A match in the label counts more than one in the detail; among equals, the given order stays.
    """
    known = list(choices)
    order = {each: number for number, each in enumerate(recent)}
    if not words.strip():
        return sorted(known, key=lambda each: order.get(each.id, len(order)))
    search = FuzzySearch(case_sensitive=False)
    scored: list[tuple[float, Choice]] = []
    for each in known:
        best = max(search.match(words, each.label)[0], 0.7 * search.match(words, each.detail)[0], 0.9 * search.match(words, each.id)[0])
        if best:
            is_start = each.label.lower().lstrip("/").startswith(words.lower())
            scored.append((best * (2 if is_start else 1) + (0.01 if each.id in order else 0), each))
    return [each for _, each in sorted(scored, key=lambda pair: -pair[0])]
