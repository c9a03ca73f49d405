"""A question of the model: its options by number, or an answer in a person's words. It closes when another client answers first."""

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from ..plain_text import plain, plain_line
from .key_guard import ALONE_S, KeyGuard, clock
from .open_question import OpenAsk
from .palette_styles import PaletteStyles
from .words_input import WordsInput


class GuardedInput(WordsInput):
    """Takes nothing that was typed before the question was seen, and no Enter that other keys follow at once."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._guard = KeyGuard()
        self._enter: Timer | None = None

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self._guard.begin(clock()))

    async def _on_key(self, event: events.Key) -> None:
        now = event.time
        is_early = not self._guard.take(now) and event.key != "escape"
        if self._enter is not None:
            self._enter.stop()
            self._enter = None
            self._guard.begin(now)
            is_early = True
        if is_early:
            event.stop()
            event.prevent_default()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            self._enter = self.set_timer(ALONE_S, self._on_alone)

    def _on_alone(self) -> None:
        self._enter = None
        self.post_message(self.Submitted(self, self.value))


class WordsScreen(ModalScreen[dict[str, Any] | None]):
    """Dismisses with the body of the answer, or None: the question stays open, or was closed from elsewhere."""

    AUTO_FOCUS: ClassVar[str | None] = "#words"

    def __init__(self, asked: OpenAsk, styles: PaletteStyles):
        super().__init__()
        assert asked.question is not None
        self.asked, self._question, self._row_styles = asked, asked.question, styles

    def compose(self) -> ComposeResult:
        who = f"Sub-agent “{plain_line(self.asked.title)}”" if self.asked.title else "The model"
        with Vertical(classes="card question"):
            yield Static(Text(f"◆ {who} asks"), classes="card-title warn")
            with VerticalScroll(id="text"):
                yield Static(self._text())
            yield Static("", id="notice", classes="card-notice", markup=False)
            yield GuardedInput(placeholder="The number of an option, or your answer", id="words")
            yield Static("Enter answers · Esc answers later", classes="card-footer", markup=False)

    def _text(self) -> Text:
        rows = Text("\n".join(f"│ {line}" for line in plain(self._question.text).split("\n")), self._row_styles.style("text"))
        for number, option in enumerate(self._question.options, 1):
            rows.append_text(
                Text.assemble(
                    ("\n" if number > 1 else "\n\n"), (f"  {number}", self._row_styles.style("cyan", bold=True)), f"  {plain_line(option)}"
                )
            )
        return rows

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        words = event.value.strip()
        number = int(words) - 1 if words.isdecimal() and len(words) < 3 else -1
        if not words:
            self.query_one("#notice", Static).update("Type the number of an option, or words.")
        elif 0 <= number < len(self._question.options):
            self.dismiss({"option": number})
        else:
            self.dismiss({"text": words})

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
