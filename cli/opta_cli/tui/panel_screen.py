"""The base of the screens that show rows over the whole terminal: a title, the rows, and the keys that work there."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ..plain_text import plain, visible, width_of
from ..segment_rows import Row
from .palette_styles import PaletteStyles
from .row_view import RowView


class PanelScreen(ModalScreen[str]):
    """Subclasses draw `rows(width)`. Dismisses with '' or with what the main screen is to do."""

    AUTO_FOCUS: ClassVar[str | None] = "#rows"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Close")]
    TITLE_OF: ClassVar[str] = ""
    KEYS: ClassVar[str] = "↑↓ scroll · Esc closes"

    def __init__(self, styles: PaletteStyles):
        super().__init__()
        self.row_styles = styles

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel"):
            yield Static(self.title_text(), classes="card-title", id="title", markup=False)
            yield RowView(self.rows, id="rows")
            yield Static(self.KEYS, classes="card-footer", id="keys", markup=False)

    def title_text(self) -> str:
        """The words above the rows."""
        return self.TITLE_OF

    def rows(self, width: int) -> list[Row]:
        """What is shown."""
        raise NotImplementedError

    def redraw(self, *, to_end: bool = False) -> None:
        """Draw again; something has changed. A screen that is not composed yet, or is being removed, draws nothing."""
        for title in self.query("#title").results(Static):
            title.update(self.title_text())
        for view in self.query(RowView):
            view.put(self.rows, to_end=to_end)

    def on_key(self, event: events.Key) -> None:
        view = self.query_one(RowView)
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": 1 - view.size.height, "pagedown": view.size.height - 1}
        if event.key in steps:
            event.stop()
            view.scroll_to(y=view.scroll_offset.y + steps[event.key], animate=False, immediate=True)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss("")


def wrapped(text: str, width: int, style: Style) -> list[Row]:
    """Untrusted text of several lines, each wrapped at the width."""
    rows: list[Row] = []
    for line in plain(text).expandtabs(4).split("\n"):
        row, used = "", 0
        for character in line:
            wide = width_of(character)
            if used + wide > width:
                rows.append([Segment(row, style)])
                row, used = "", 0
            row += character
            used += wide
        rows.append([Segment(row, style)])
    return rows


def exact(text: str, width: int, style: Style) -> list[Row]:
    """Untrusted text in which everything that hides or disguises is visible."""
    return [row for line in text.split("\n") for row in wrapped("".join(visible(line)), width, style)]


def titled(title: str, styles: PaletteStyles) -> list[Row]:
    """A heading between rows."""
    return [[], [Segment(title, styles.style("violet", bold=True))]]
