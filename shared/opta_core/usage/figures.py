"""Sums of what model calls, tool calls and turns used."""

import msgspec


class Figures(msgspec.Struct):
    """Sums over the turns of a day, a folder or a model.

    `turns`: all that ended, `unfinished` of them without an answer. `prompt_tokens` were read by models, `cached_tokens` of them from a
    cache; `tokens` were written. `seconds`: of the turns that were answered, without the time in which people were waited for.
    `calls`: tool calls with a result, `failed` of them with a failure.

    What is not known is counted beside: `unreported`, model calls whose provider reported no tokens, so that the pieces of the answer
    count as `tokens` and its prompt does not count at all; `cut`, model calls that ended without a count, of which nothing is included.
    """

    turns: int = 0
    unfinished: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    calls: int = 0
    failed: int = 0
    unreported: int = 0
    cut: int = 0

    def add(self, other: "Figures") -> None:
        """Add other sums to these."""
        self.turns += other.turns
        self.unfinished += other.unfinished
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.tokens += other.tokens
        self.seconds += other.seconds
        self.calls += other.calls
        self.failed += other.failed
        self.unreported += other.unreported
        self.cut += other.cut


class ToolFigures(msgspec.Struct):
    """The calls of one tool: those with a result, those of them that failed, and how long they ran together."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0

    def add(self, other: "ToolFigures") -> None:
        """Add other sums to these."""
        self.calls += other.calls
        self.failed += other.failed
        self.seconds += other.seconds
