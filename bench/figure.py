"""Measured values with their limits (bars), and the table of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`. `bar` is the upper limit, or the lower limit when `is_rate`; None: no limit."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    is_rate: bool = False
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the value meets its bar; None without a bar."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.is_rate else self.value <= self.bar


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(figures: Iterable[Figure]) -> str:
    """A markdown table."""
    rows = ["| | measured | bar | | ratio, note |", "|---|---:|---:|---|---|"]
    for figure in figures:
        bar = "" if figure.bar is None else f"{'≥' if figure.is_rate else '≤'} {_number(figure.bar)} {figure.unit}"
        sign = {True: "✓", False: "✕", None: ""}[figure.holds]
        rows.append(f"| {figure.name} | {_number(figure.value)} {figure.unit} | {bar} | {sign} | {figure.note} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
