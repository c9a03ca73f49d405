"""The log lines of all services, filtered by level, and followed while the screen is open. It works when the daemon is down."""

from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from opta_core.log_files import LEVELS, LogEntry, LogFiles
from opta_core.paths import Paths
from opta_core.process.supervision import PROGRAMS

from ..segment_rows import Row
from .palette_styles import PaletteStyles
from .panel_screen import PanelScreen, wrapped
from .row_view import RowView

LOOK_EVERY_S = 0.5
ENTRIES_MAX, TAIL_BYTES = 2000, 512 * 1024
_TOKENS = {"ERROR": "err", "WARNING": "warn", "DEBUG": "text-faint"}


class LogScreen(PanelScreen):
    """`l` goes to the next level, `s` to the next service."""

    KEYS: ClassVar[str] = "l level · s service · End follows · Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("l", "level", show=False), Binding("s", "service", show=False)]

    def __init__(self, paths: Paths, styles: PaletteStyles):
        super().__init__(styles)
        self._paths = paths
        self._level = "INFO"
        self._files = LogFiles(paths.logs, PROGRAMS)
        self._services = ["", *PROGRAMS]
        self._service = ""
        self._entries: list[LogEntry] = []

    def compose(self) -> ComposeResult:
        self._entries = self._files.newest(TAIL_BYTES)[-ENTRIES_MAX:]
        return super().compose()

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self.redraw(to_end=True))
        self.set_interval(LOOK_EVERY_S, self._look)

    def title_text(self) -> str:
        return f"Logs · {self._service or 'all services'} · {self._level.lower()} and above"

    def rows(self, width: int) -> list[Row]:
        shown = [each for each in self._entries if self._service in ("", each.service) and each.is_at_least(self._level)]
        if not shown:
            return [[Segment(f"There are no such lines in {self._paths.logs}."[:width], self.row_styles.style("text-dim"))]]
        return [row for each in shown for row in wrapped(each.text, width, self.row_styles.style(_TOKENS.get(each.level, "text")))]

    def _look(self) -> None:
        if more := self._files.news():
            self._entries = [*self._entries, *more][-ENTRIES_MAX:]
            if any(view.is_at_end for view in self.query(RowView)):
                self.redraw(to_end=True)

    def action_level(self) -> None:
        """Show the next level."""
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
        self.redraw(to_end=True)

    def action_service(self) -> None:
        """Show the next service."""
        self._service = self._services[(self._services.index(self._service) + 1) % len(self._services)]
        self.redraw(to_end=True)
