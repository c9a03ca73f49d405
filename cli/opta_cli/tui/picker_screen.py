"""A picker over the main screen: words above, the choices that match below. Enter takes one, Escape none."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from .choice_list import ChoiceList
from .palette_styles import PaletteStyles
from .suggestions import Choice, ranked
from .words_input import WordsInput


class PickerScreen(ModalScreen[str]):
    """Dismisses with the id of a choice, or '' for none. `search` gets the words and may ask elsewhere; by default they are ranked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        choices: list[Choice],
        styles: PaletteStyles,
        *,
        recent: list[str] | None = None,
        prompt: str = "Type to filter",
        footer: str = "↑↓ move · Enter takes · Esc closes",
        empty: str = "Nothing matches.",
        on_words: Callable[[str], None] | None = None,
    ):
        super().__init__()
        self._title, self._choices, self._row_styles = title, choices, styles
        self._recent, self._prompt, self._footer, self._empty = recent or [], prompt, footer, empty
        self._on_words = on_words
        self._words = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="card picker"):
            yield Static(self._title, classes="card-title", markup=False)
            yield WordsInput(placeholder=self._prompt, id="words")
            yield ChoiceList(id="choices")
            yield Static(self._footer, classes="card-footer", markup=False)

    def on_mount(self) -> None:
        self.query_one(ChoiceList).row_styles = self._row_styles
        self.query_one(Input).focus()
        self.call_after_refresh(self._show)

    def put(self, choices: list[Choice]) -> None:
        """Replace the choices, which have come from elsewhere."""
        self._choices = choices
        self._show()

    def _show(self) -> None:
        found = ranked(self._choices, self._words, self._recent) if self._on_words is None else self._choices
        is_filtered = bool(self._words.strip()) or bool(self._recent)
        self.query_one(ChoiceList).show(found or [Choice("", self._empty, is_free=False)], has_groups=not is_filtered)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._words = event.value
        if self._on_words is not None:
            self._on_words(event.value)
        else:
            self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        chosen = self.query_one(ChoiceList).chosen
        if chosen is not None and chosen.is_free:
            self.dismiss(chosen.id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        chosen = self.query_one(ChoiceList).at(event.option_index)
        if chosen is not None and chosen.is_free:
            self.dismiss(chosen.id)

    def action_move(self, step: int) -> None:
        """Mark another choice; headings are passed over."""
        choices = self.query_one(ChoiceList)
        for _ in range(abs(step)):
            if step < 0:
                choices.action_cursor_up()
            else:
                choices.action_cursor_down()

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss("")
