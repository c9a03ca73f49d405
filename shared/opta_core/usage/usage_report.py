"""The report of what was used: every day of a period, and the folders, models and tools with the most of it."""

import datetime
from collections.abc import Mapping
from typing import Any

from opta_protocol.http_usage import ToolUsage, UsageFigures, UsageGroup, UsageReport

from .figures import Figures
from .usage_count import UsageCount, by_tool, first_day, grouped, total

# Of folders, models and tools.
LISTED_MAX = 50


def report(count: UsageCount, days: int, today: datetime.date) -> UsageReport:
    """What the sessions of a home used in the last `days` days; blocking."""
    first = first_day(days, today)
    usages, unread = count.since(first)
    of_days, folders, models = (grouped(usages, first, by) for by in ("day", "folder", "model"))
    # In the hour in which the clock goes back, or on a machine with a wrong one, a day may lie behind today.
    last = max([today.isoformat(), *of_days])
    every_day = [day.isoformat() for day in (first + datetime.timedelta(days=at) for at in range((today - first).days + 1))]
    tools = by_tool(usages, first)
    listed_tools = sorted(tools.items(), key=lambda each: (-each[1].calls, each[0]))
    return UsageReport(
        days=days,
        first=first.isoformat(),
        last=last,
        total=UsageFigures(**_fields(total(of_days.values()))),
        byDay=[_group(day, of_days.get(day, Figures())) for day in sorted({*every_day, *of_days})],
        byFolder=_most(folders),
        byModel=_most(models),
        byTool=[
            ToolUsage(name=name, calls=tool.calls, failed=tool.failed, seconds=round(tool.seconds, 3))
            for name, tool in listed_tools[:LISTED_MAX]
        ],
        sessions=len(usages),
        unread=unread,
        moreFolders=max(0, len(folders) - LISTED_MAX),
        moreModels=max(0, len(models) - LISTED_MAX),
        moreTools=max(0, len(tools) - LISTED_MAX),
    )


def _most(groups: Mapping[str, Figures]) -> list[UsageGroup]:
    """What used the most tokens first."""
    listed = sorted(groups.items(), key=lambda each: (-(each[1].prompt_tokens + each[1].tokens), each[0]))
    return [_group(name, figures) for name, figures in listed[:LISTED_MAX]]


def _group(name: str, figures: Figures) -> UsageGroup:
    return UsageGroup(name=name, **_fields(figures))


def _fields(figures: Figures) -> dict[str, Any]:
    return {
        "turns": figures.turns,
        "unfinished": figures.unfinished,
        "promptTokens": figures.prompt_tokens,
        "cachedTokens": figures.cached_tokens,
        "tokens": figures.tokens,
        "seconds": round(figures.seconds, 3),
        "calls": figures.calls,
        "failed": figures.failed,
        "unreported": figures.unreported,
        "cut": figures.cut,
    }
