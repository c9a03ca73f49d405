"""HTTP response (v3) about what sessions used: tokens, time and tool calls."""

from .http import Response


class UsageFigures(Response, frozen=True, kw_only=True):
    """Sums over turns. `unfinished`: of the `turns`, those that failed or were stopped. Tokens as the providers report them.

    `seconds`: of the turns that were answered, without the time in which people were waited for. `unreported`: model calls whose
    provider reported no tokens: what they wrote is counted in pieces, what they read is not counted. `cut`: model calls that ended
    without a count; nothing of them is included.
    """

    turns: int
    unfinished: int
    promptTokens: int
    cachedTokens: int
    tokens: int
    seconds: float
    calls: int
    failed: int
    unreported: int
    cut: int


class UsageGroup(UsageFigures, frozen=True, kw_only=True):
    """The sums of a day (2026-11-30), a folder or a model (provider/name). `name` is '' where none is known."""

    name: str


class ToolUsage(Response, frozen=True, kw_only=True):
    """The calls of a tool that have a result."""

    name: str
    calls: int
    failed: int
    seconds: float


class UsageReport(Response, frozen=True, kw_only=True):
    """GET /v3/usage: the last `days` days of the daemon's machine, `first` and `last` included.

    `byDay` has every day, the others what was used most first; `moreFolders`, `moreModels` and `moreTools` count those that are left
    out. `sessions`: how many journals were counted. `unread`: how many cannot be read.
    """

    days: int
    first: str
    last: str
    total: UsageFigures
    byDay: list[UsageGroup]
    byFolder: list[UsageGroup]
    byModel: list[UsageGroup]
    byTool: list[ToolUsage]
    sessions: int
    unread: int
    moreFolders: int
    moreModels: int
    moreTools: int
