"""Rows of a terminal as styled pieces of text: what rich draws, cut into rows, and a row as the characters that a terminal takes."""

import functools
import io

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment

Row = list[Segment]


def drawn(renderable: RenderableType, width: int) -> list[Row]:
    """The rows of anything that rich draws, at most `width` columns wide."""
    console = _console()
    return [list(row) for row in console.render_lines(renderable, console.options.update(width=max(1, width), height=None), pad=False)]


def as_text(row: Row, *, has_colour: bool) -> str:
    """A row with the codes of its styles, without blanks at its end. Without colours, bold and underlined text stay."""
    segments = [segment for segment in row if segment.text and not segment.control]
    while segments and not segments[-1].text.strip(" "):
        segments.pop()
    if segments:
        segments[-1] = Segment(segments[-1].text.rstrip(" "), segments[-1].style)
    colours = ColorSystem.EIGHT_BIT if has_colour else None
    return "".join(segment.style.render(segment.text, color_system=colours) if segment.style else segment.text for segment in segments)


@functools.cache
def _console() -> Console:
    # In memory; every style is given with the text.
    return Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False, highlight=False, emoji=False)
