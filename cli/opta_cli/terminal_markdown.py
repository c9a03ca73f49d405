"""The styles of Markdown in plain mode: the sixteen colours of the terminal, and one violet, on whatever ground it has."""

from rich.style import Style

from .markdown_look import MarkdownStyles

_VIOLET = Style(color="color(141)")
TERMINAL_MARKDOWN = MarkdownStyles(
    border=Style(color="cyan"),
    code=Style(color="cyan"),
    heading=_VIOLET + Style(bold=True),
    bar=_VIOLET,
    quote=Style(),
    rule=Style(color="bright_black"),
    table_border=Style(color="bright_black"),
    table_head=Style(bold=True),
    bullet=_VIOLET,
    number=_VIOLET,
    link=Style(underline=True),
    link_address=Style(color="cyan"),
)
