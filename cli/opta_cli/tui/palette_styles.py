"""The styles in which rows are drawn: the colours of the page's tokens, or none where NO_COLOR is set.

Without colours everything is still distinct: by glyph and word, and by bold, dim, underlined and reversed text.
"""

from typing import NamedTuple

from rich.style import Style

from .token_colours import DARK, LIGHT


class PaletteStyles(NamedTuple):
    """`colours` is empty where no colour may be used."""

    name: str
    colours: dict[str, str]

    def style(self, token: str, *, on: str = "", bold: bool = False, dim: bool = False, italic: bool = False) -> Style:
        """Text in the colour of `token`, on that of `on`. `dim` shows only where there are no colours."""
        if not self.colours:
            return Style(bold=bold or None, italic=italic or None, dim=(dim or token in _FAINT) or None, reverse=(on in _MARKED) or None)
        return Style(color=self.colours[token], bgcolor=self.colours[on] if on else None, bold=bold or None, italic=italic or None)


_FAINT = frozenset({"text-dim", "text-faint", "thinking", "border"})
# Grounds that say something: without colours they are reversed.
_MARKED = frozenset({"violet-solid"})
DARK_STYLES = PaletteStyles("opta-dark", DARK)
LIGHT_STYLES = PaletteStyles("opta-light", LIGHT)
PLAIN_STYLES = PaletteStyles("opta-plain", {})
BY_NAME = {each.name: each for each in (DARK_STYLES, LIGHT_STYLES, PLAIN_STYLES)}
