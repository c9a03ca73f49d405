"""What all sessions of a home used. Journals are only read, and each is read once as long as it does not grow."""

import datetime
from collections.abc import Callable, Iterable
from typing import Literal

from ..journal_list import journals
from ..paths import Paths
from .figures import Figures, ToolFigures
from .journal_usage import JournalUsage

By = Literal["day", "model", "folder", "session"]
# Counted journals that are kept: about one kilobyte each. The longest unused goes first.
KEPT_MAX = 20_000


class UsageCount:
    """Counts the sessions of a home, those of the archive and the trash included. Not for several threads at once."""

    def __init__(self, paths: Paths, kept_max: int = KEPT_MAX):
        self._paths, self._kept_max = paths, kept_max
        self._kept: dict[str, JournalUsage] = {}

    @property
    def kept(self) -> int:
        """How many journals it remembers."""
        return len(self._kept)

    def since(self, first: datetime.date, on_read: Callable[[int, int], None] | None = None) -> tuple[list[JournalUsage], int]:
        """(journals written since a day, how many of them cannot be read). `on_read` gets the number of each and of all; blocking."""
        start = datetime.datetime.combine(first, datetime.time.min).astimezone().timestamp()
        files = journals(self._paths, with_away=True, since=start)
        found: list[JournalUsage] = []
        for number, file in enumerate(files):
            if on_read is not None:
                on_read(number, len(files))
            usage = self._kept.pop(str(file), None) or JournalUsage(file)
            try:
                usage.read()
            except OSError:
                continue
            self._kept[str(file)] = usage
            found.append(usage)
        while len(self._kept) > self._kept_max:
            self._kept.pop(next(iter(self._kept)))
        return found, len(files) - len(found)


def first_day(days: int, today: datetime.date) -> datetime.date:
    """The first of the last `days` days, today included."""
    return today - datetime.timedelta(days=max(1, days) - 1)


def grouped(usages: Iterable[JournalUsage], first: datetime.date, by: By) -> dict[str, Figures]:
    """The figures since a day, by what they are grouped."""
    groups: dict[str, Figures] = {}
    since = first.isoformat()
    for usage in usages:
        for (day, model), figures in usage.by_model.items():
            if day >= since:
                group = {"day": day, "model": model, "folder": usage.folder, "session": f"s-{usage.file.stem}"}[by]
                groups.setdefault(group, Figures()).add(figures)
    return groups


def by_tool(usages: Iterable[JournalUsage], first: datetime.date) -> dict[str, ToolFigures]:
    """The figures of each tool since a day."""
    tools: dict[str, ToolFigures] = {}
    since = first.isoformat()
    for usage in usages:
        for (day, name), figures in usage.by_tool.items():
            if day >= since:
                tools.setdefault(name, ToolFigures()).add(figures)
    return tools


def total(groups: Iterable[Figures]) -> Figures:
    """The sum of all groups."""
    found = Figures()
    for figures in groups:
        found.add(figures)
    return found
