"""The triage: POST /v3/diagnose and its five steps, what is wrong, and the fix, which Enter makes when the daemon or this terminal can."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType

from opta_core.errors import OptaError
from opta_protocol.http_triage import Diagnosis, Fix

from ..segment_rows import Row
from .palette_styles import PaletteStyles
from .panel_screen import PanelScreen, titled, wrapped

_STEPS = {
    "route": "Route and permissions",
    "heartbeat": "Heartbeat",
    "divergence": "Divergence",
    "probe": "Probe turn",
    "domain": "Failure domain",
}
_SEVERITY = {"fault": "err", "degraded": "warn", "recovered": "info"}


class TriageScreen(PanelScreen):
    """`diagnose` and `make` are called in a thread: a diagnosis, and a fix of it, which says what was done."""

    KEYS: ClassVar[str] = "Enter fix · r look again · Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "fix", show=False), Binding("r", "again", show=False)]

    def __init__(self, diagnose: Callable[[], Diagnosis], make: Callable[[Fix], str], styles: PaletteStyles):
        super().__init__(styles)
        self._diagnose, self._make = diagnose, make
        self._found: Diagnosis | None = None
        self._said = "Looking: this takes up to ten seconds, with a probe turn …"
        self._is_busy = False

    def on_mount(self) -> None:
        self.action_again()

    def title_text(self) -> str:
        if self._found is None:
            return "Triage"
        return (
            "Triage · ✓ Everything works" if self._found.healthy else f"Triage · ✕ {self._found.domain or 'unknown'}: {self._found.reason}"
        )

    def rows(self, width: int) -> list[Row]:
        styles, rows = self.row_styles, list[Row]()
        if self._found is not None:
            for step in self._found.steps:
                tone = "text-dim" if step.skipped else "ok" if step.ok else "err"
                mark = Segment(f"{'–' if step.skipped else '✓' if step.ok else '✕'} ", styles.style(tone, bold=True))
                first, *more = wrapped(step.text, max(1, width - 5), styles.style("text-dim"))
                rows.append(
                    [
                        mark,
                        Segment(f"{step.number}  {_STEPS.get(step.name, step.name)}"[: max(0, width - 2)], styles.style("text", bold=True)),
                    ]
                )
                rows += [[Segment("     "), *row] for row in (first, *more)]
            rows += self._findings(self._found, width)
        if self._said:
            rows += [[], *wrapped(self._said, width, styles.style("violet"))]
        return rows

    def _findings(self, found: Diagnosis, width: int) -> list[Row]:
        styles, rows = self.row_styles, list[Row]()
        for finding in found.findings:
            rows += titled(f"{finding.severity} · {finding.domain}"[:width], styles)
            rows += wrapped(finding.reason, width, styles.style(_SEVERITY[finding.severity]))
            how = "Enter does it" if finding.fix.automatic and finding == found.findings[0] else "do it yourself"
            rows += wrapped(f"Fix: {finding.fix.label} ({how}) · {finding.fix.command}", width, styles.style("text"))
        return rows

    def action_again(self) -> None:
        """Diagnose again."""
        if not self._is_busy:
            self.run_worker(self._look(), group="triage")

    async def _look(self) -> None:
        self._is_busy = True
        try:
            self._found = await asyncio.to_thread(self._diagnose)
            self._said = ""
        except OptaError as error:
            self._said = error.message
        self._is_busy = False
        self.redraw()

    def action_fix(self) -> None:
        """Make the first fix."""
        fix = self._found.fix if self._found is not None else None
        if self._is_busy or fix is None:
            return
        if not fix.automatic:
            self._said = f"Nobody but you can do this: {fix.command}"
            self.redraw()
            return
        self._said = f"{fix.label} …"
        self.redraw()
        self.run_worker(self._fix(fix), group="triage")

    async def _fix(self, fix: Fix) -> None:
        self._is_busy = True
        try:
            done = await asyncio.to_thread(self._make, fix)
            self._found = await asyncio.to_thread(self._diagnose)
            self._said = done
        except OptaError as error:
            self._said = error.message
        self._is_busy = False
        self.redraw()
