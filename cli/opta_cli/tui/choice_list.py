"""A list of choices under headings, drawn in the palette; used by every picker and by the completions."""

from typing import Any

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ..plain_text import plain_line
from .palette_styles import DARK_STYLES, PaletteStyles
from .suggestions import Choice


class ChoiceList(OptionList):
    """Shows choices and keeps which one is marked. Ids are passed on as they are, so they may hold any characters."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.row_styles: PaletteStyles = DARK_STYLES
        self._choices: list[Choice | None] = []

    def show(self, choices: list[Choice], *, has_groups: bool = True) -> None:
        """Replace the choices; the first free one is marked."""
        self._choices = []
        rows: list[Option] = []
        group = ""
        width = max(20, self.size.width - 2 or 76)
        for choice in choices:
            if has_groups and choice.group != group:
                group = choice.group
                self._choices.append(None)
                rows.append(Option(Text(group, self.row_styles.style("text-faint", bold=True)), disabled=True))
            self._choices.append(choice)
            rows.append(Option(_row(choice, width, self.row_styles), disabled=not choice.is_free))
        self.clear_options()
        self.add_options(rows)
        free = [number for number, choice in enumerate(self._choices) if choice is not None and choice.is_free]
        self.highlighted = free[0] if free else None

    @property
    def chosen(self) -> Choice | None:
        """The marked choice."""
        return self._choices[self.highlighted] if self.highlighted is not None else None

    def at(self, number: int) -> Choice | None:
        """The choice of a row; None for a heading."""
        return self._choices[number]


def _row(choice: Choice, width: int, styles: PaletteStyles) -> Text:
    hint = Text(f" {plain_line(choice.hint)}" if choice.hint else "", styles.style("text-faint", dim=True))
    label = Text(plain_line(choice.label), styles.style("text" if choice.is_free else "text-faint"))
    spare = max(8, width - hint.cell_len)
    label.truncate(spare, overflow="ellipsis")
    detail = Text(f"  {plain_line(choice.detail)}" if choice.detail else "", styles.style("text-dim", dim=True))
    detail.truncate(max(0, spare - label.cell_len), overflow="ellipsis")
    row = Text.assemble(label, detail, no_wrap=True, overflow="ellipsis")
    row.pad_right(max(0, width - row.cell_len - hint.cell_len))
    return Text.assemble(row, hint, no_wrap=True, overflow="ellipsis")
