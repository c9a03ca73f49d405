"""The keys, and what works in the composer. The list of keys is the one that the main screen binds."""

from typing import ClassVar

from rich.segment import Segment

from ..segment_rows import Row
from .key_table import KEYS
from .panel_screen import PanelScreen, titled, wrapped

WORDS = (
    ("/", "at the start of a message: commands, and your own of commands/*.md"),
    ("@", "a file or a folder of the workspace; the model reads it"),
    ("Enter", "sends; while a turn runs, its next step reads the words"),
)


class HelpScreen(PanelScreen):
    """Every key with its action."""

    TITLE_OF: ClassVar[str] = "Help"

    def rows(self, width: int) -> list[Row]:
        styles, rows = self.row_styles, list[Row]()
        for group in dict.fromkeys(each.group for each in KEYS):
            rows += titled(group, styles)
            rows += [self._line(each.shown, each.text, width) for each in KEYS if each.group == group]
        rows += titled("In the composer", styles)
        rows += [self._line(shown, text, width) for shown, text in WORDS]
        rows += titled("More", styles)
        rows += wrapped(
            "Every action is in the palette (Ctrl+P). All commands of the command line: opta --help", width, styles.style("text-dim")
        )
        return rows[1:]

    def _line(self, shown: str, text: str, width: int) -> Row:
        return [Segment(f"  {shown:22}", self.row_styles.style("cyan")), Segment(text[: max(0, width - 24)], self.row_styles.style("text"))]
