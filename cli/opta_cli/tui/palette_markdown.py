"""The styles of Markdown in the colours of a palette, those of code among them."""

from functools import cache
from typing import Any

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich.style import Style
from rich.syntax import SyntaxTheme

from ..markdown_look import MarkdownStyles
from .palette_styles import BY_NAME, PaletteStyles


def markdown_styles(styles: PaletteStyles) -> MarkdownStyles:
    """The styles of Markdown in a palette."""
    return _made(styles.name)


@cache
def _made(name: str) -> MarkdownStyles:
    styles = BY_NAME[name]
    return MarkdownStyles(
        border=styles.style("cyan"),
        code=styles.style("cyan", bold=not styles.colours),
        heading=styles.style("violet", bold=True),
        bar=styles.style("violet"),
        quote=styles.style("text-dim"),
        rule=styles.style("border-strong"),
        table_border=styles.style("border-strong"),
        table_head=styles.style("violet", bold=True),
        bullet=styles.style("violet", bold=True),
        number=styles.style("violet"),
        link=styles.style("cyan"),
        link_address=styles.style("text-faint"),
        words=_CodeTheme(styles),
    )


class _CodeTheme(SyntaxTheme):
    """The page's five colours of code."""

    def __init__(self, styles: PaletteStyles):
        self._plain = Style()
        self._kinds: list[tuple[Any, Style]] = [
            (Comment, styles.style("text-faint", italic=True)),
            (Keyword, styles.style("violet", bold=not styles.colours)),
            (Operator.Word, styles.style("violet")),
            (String, styles.style("add")),
            (Number, styles.style("warn")),
            (Keyword.Constant, styles.style("warn")),
            (Name.Function, styles.style("info")),
            (Name.Class, styles.style("info")),
            (Name.Decorator, styles.style("info")),
        ]

    def get_style_for_token(self, token_type: Any) -> Style:
        """The style of a token of pygments."""
        return next((style for kind, style in self._kinds if token_type in kind), self._plain)

    def get_background_style(self) -> Style:
        """The ground is that of what surrounds the code."""
        return Style()
