"""Rows of a text that is too long for the screen: a diff, a result, a log. Only the rows on the screen are drawn."""

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from ..segment_rows import Row


class RowView(ScrollView, can_focus=True):
    """`draw(width)` gives the rows, and is called again when the width changes."""

    def __init__(self, draw: Callable[[int], list[Row]], *, spare: int = 0, **options: Any):
        """`spare`: when it is not 0, the view is as high as its rows, and leaves at least so many rows of the screen to others."""
        super().__init__(**options)
        self._draw, self._spare = draw, spare
        self._rows: list[Row] = []
        self._width: int = 0
        # Whether the last row was on the screen since the rows were set.
        self.was_seen = False

    def put(self, draw: Callable[[int], list[Row]], *, to_end: bool = False) -> None:
        """Show other rows; at their end, or at their start."""
        self._draw, self._width, self.was_seen = draw, 0, False
        self._lay_out()
        if to_end:
            self.scroll_end(animate=False, immediate=True)
        else:
            self.scroll_home(animate=False, immediate=True)

    @property
    def is_at_end(self) -> bool:
        """Whether the last row is on the screen."""
        return self.scroll_offset.y >= self.max_scroll_y

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if not width:
            return
        if width != self._width:
            self._width, self._rows = width, self._draw(width)
        self.virtual_size = Size(width, len(self._rows))
        if self._spare:
            self.styles.height = max(3, min(len(self._rows), self.screen.size.height - self._spare))
        self.was_seen |= len(self._rows) <= self.size.height
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.was_seen |= bool(self._rows) and new_value >= self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if not 0 <= row < len(self._rows):
            return Strip.blank(width, self.rich_style)
        return Strip(self._rows[row]).adjust_cell_length(width).apply_style(self.rich_style).apply_offsets(0, row)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that a person has marked, to be copied."""
        return selection.extract("\n".join("".join(segment.text for segment in row).rstrip() for row in self._rows)), "\n"

    def plain(self) -> Text:
        """All rows as text."""
        return Text("\n".join("".join(segment.text for segment in row) for row in self._rows))
