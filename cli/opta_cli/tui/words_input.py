"""A line of words. Its cursor does not blink: a terminal that is left alone paints nothing."""

from typing import Any

from textual.widgets import Input


class WordsInput(Input):
    """An input of the cards and pickers."""

    def __init__(self, value: str | None = None, **options: Any):
        super().__init__(value, **options)
        self.cursor_blink = False
