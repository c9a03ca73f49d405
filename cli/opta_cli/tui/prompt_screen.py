"""Two small cards: one line of words from a person, and a yes or no before something that cannot easily be taken back."""

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from ..segment_rows import Row
from .key_guard import ALONE_S, KeyGuard, clock
from .palette_styles import PaletteStyles
from .panel_screen import wrapped
from .row_view import RowView
from .words_input import WordsInput


class PromptScreen(ModalScreen[str]):
    """Dismisses with the words, or '' for none."""

    def __init__(self, title: str, value: str = "", hint: str = ""):
        super().__init__()
        self._title, self._value, self._hint = title, value, hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="card prompt"):
            yield Static(self._title, classes="card-title", markup=False)
            yield WordsInput(self._value, placeholder=self._hint, id="words")
            yield Static("Enter takes it · Esc closes", classes="card-footer", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())

    def key_escape(self) -> None:
        """Leave it."""
        self.dismiss("")


class ConfirmScreen(ModalScreen[bool]):
    """Dismisses with whether a person said yes, by a key of its own after the question was seen."""

    AUTO_FOCUS: ClassVar[str | None] = "#content"

    def __init__(self, title: str, text: str, yes: str, styles: PaletteStyles):
        super().__init__()
        self._title, self._text, self._yes, self._row_styles = title, text, yes, styles
        self._guard = KeyGuard()
        self._pending: Timer | None = None

    def compose(self) -> ComposeResult:
        key = self._row_styles.style("cyan", bold=True)
        with Vertical(classes="card question"):
            yield Static(self._title, classes="card-title warn", markup=False)
            yield RowView(self._rows, spare=10, id="content")
            yield Static(Text.assemble(("y", key), f" {self._yes}   ", ("n", key), " leave it"), classes="card-answers")

    def _rows(self, width: int) -> list[Row]:
        return wrapped(self._text, width, self._row_styles.style("text"))

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self._guard.begin(clock()))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key in ("up", "down", "pageup", "pagedown"):
            view = self.query_one(RowView)
            view.scroll_relative(y={"up": -1, "down": 1, "pageup": -10, "pagedown": 10}[event.key], animate=False)
        elif self._pending is not None:
            self._pending.stop()
            self._pending = None
            self._guard.begin(clock())
        elif self._guard.take(event.time) and event.key in ("y", "n", "escape"):
            self._pending = self.set_timer(ALONE_S, lambda: self._decide(event.key))

    def _decide(self, key: str) -> None:
        # Without a result: a timer would wait for the closing of its screen, which waits for the timer.
        self.dismiss(key == "y")

    def on_paste(self, event: Any) -> None:
        event.stop()
        self._guard.begin(clock())
