"""What the page's title says about the sessions that wait for the person, in any language (`window` in the page's strings)."""

import re

_MARK = re.compile(r"◆ (\d{1,6}) [^·\d]{1,60} · ")
COUNT_MAX = 999


def waiting_of(title: str) -> int:
    """How many sessions wait for the person."""
    found = _MARK.match(title)
    return min(int(found[1]), COUNT_MAX) if found else 0


def window_title(title: str) -> str:
    """The title of the window: the number first, so that a short entry of a task bar still shows it."""
    waiting, rest = waiting_of(title), _MARK.sub("", title, count=1).strip() or "Opta"
    return f"({waiting}) {rest}" if waiting else rest
