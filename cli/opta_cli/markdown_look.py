"""Markdown as rows of a terminal: code in a cyan border with its language, violet headings, padded tables, quotes with a violet bar.

Plain mode and the full screen draw it with the same rules, in styles of their own. Nothing is fetched, and no link is made clickable.
**Invariant:** every word of the source is in the rows. HTML, images and link definitions, which Markdown would hide, are text here.
"""

import functools
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple, cast

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich import box, markdown
from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.rule import Rule
from rich.segment import Segment
from rich.style import Style
from rich.syntax import Syntax, SyntaxTheme
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from .plain_text import plain
from .segment_rows import Row

WIDTH_MIN, TAB = 16, 4
# A column of a table that is narrower than this is not readable; then each row is written as a list.
COLUMN_MIN = 7
# Longer code is shown without colours.
COLOURED_LINES_MAX = 2000


class MarkdownStyles(NamedTuple):
    """The styles of the parts of Markdown. `words`: the colours of code by its language; None for none."""

    border: Style
    code: Style
    heading: Style
    bar: Style
    quote: Style
    rule: Style
    table_border: Style
    table_head: Style
    bullet: Style
    number: Style
    link: Style
    link_address: Style
    words: SyntaxTheme | None = None


def rows_of(source: str, width: int, styles: MarkdownStyles, *, first_number: int | None = None) -> list[Row]:
    """The rows of complete Markdown, none wider than `width` columns. `first_number`: of the list that it begins with."""
    document = _Document(source, first_number)
    console = _console(styles)
    lines = console.render_lines(document, console.options.update(width=max(WIDTH_MIN, width), height=None), pad=False)
    rows = [list(line) for line in lines]
    shown = [at for at, row in enumerate(rows) if any(segment.text.strip() for segment in row)]
    return rows[shown[0] : shown[-1] + 1] if shown else []


def blocks_of(source: str) -> list[Token]:
    """The tokens of a source, each with its lines in `map`."""
    return _parser().parse(source)


def code_rows(line: str, width: int, styles: MarkdownStyles) -> list[Row]:
    """A line of code within its border: more rows when it is too long."""
    return list(_code_line(Text(line.expandtabs(TAB)), width, styles))


def code_edge(label: str, width: int, styles: MarkdownStyles, *, is_top: bool) -> Row:
    """The border above or below code."""
    left, right = ("╭", "╮") if is_top else ("╰", "╯")
    shown = chop_cells(label, max(1, width - 6))[0] if label else ""
    title = f"─ {shown} " if shown else ""
    return [Segment(left + title + "─" * max(0, width - 2 - cell_len(title)) + right, styles.border)]


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).disable(["reference", "html_block", "html_inline"])


class _Canvas(Console):
    """Draws in memory. The elements below find their styles here."""

    def __init__(self, styles: MarkdownStyles):
        self.styles = styles
        theme = {
            "code": styles.code,
            "h1": styles.heading + Style(underline=True),
            **{f"h{level}": styles.heading for level in range(2, 7)},
            "strong": Style(bold=True),
            "em": Style(italic=True),
            "s": Style(strike=True),
            "item.bullet": styles.bullet,
            "item.number": styles.number,
            "block_quote": styles.quote,
            "link": styles.link,
            "link_url": styles.link_address,
        }
        super().__init__(
            file=io.StringIO(),
            force_terminal=True,
            color_system="truecolor",
            legacy_windows=False,
            theme=Theme({f"markdown.{name}": style for name, style in theme.items()}),
            highlight=False,
            emoji=False,
        )


@functools.lru_cache(maxsize=4)
def _console(styles: MarkdownStyles) -> _Canvas:
    return _Canvas(styles)


def _styles_of(console: Console) -> MarkdownStyles:
    return cast("_Canvas", console).styles


def _lines(rows: Iterable[Row]) -> Iterator[Segment]:
    for row in rows:
        yield from row
        yield Segment.line()


class _CodeBox(markdown.TextElement):
    """Code in a border with its language."""

    style_name = "none"

    def __init__(self, label: str):
        self.label = label

    @classmethod
    def create(cls, markdown: markdown.Markdown, token: Token) -> "_CodeBox":
        return cls(token.info.strip())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, styles = options.max_width, _styles_of(console)
        yield from _lines([code_edge(self.label, width, styles, is_top=True)])
        for line in _coloured(str(self.text).rstrip("\n").expandtabs(TAB), self.label, styles.words):
            yield from _lines(_code_line(line, width, styles))
        yield from _lines([code_edge("", width, styles, is_top=False)])


def _coloured(code: str, label: str, words: SyntaxTheme | None) -> list[Text]:
    """The lines of code, in the colours of its language where that is known."""
    lines = [Text(line) for line in code.split("\n")]
    if words is None or not label or len(lines) > COLOURED_LINES_MAX:
        return lines
    coloured = list(Syntax("", label.partition(" ")[0], theme=words).highlight(code).split("\n", allow_blank=True))[: len(lines)]
    # A lexer that leaves characters out would hide them.
    return coloured if [line.plain for line in coloured] == [line.plain for line in lines] else lines


def _code_line(line: Text, width: int, styles: MarkdownStyles) -> Iterator[Row]:
    inner = max(2, width - 4)
    pieces = chop_cells(line.plain, inner) or [""]
    for piece in line.divide(itertools.accumulate(map(len, pieces[:-1]))):
        yield [
            Segment("│ ", styles.border),
            *piece.render(_console(styles)),
            Segment(" " * (inner - piece.cell_len)),
            Segment(" │", styles.border),
        ]


class _Title(markdown.Heading):
    """A heading, at the left like all text."""

    LEVEL_ALIGN = dict.fromkeys(markdown.Heading.LEVEL_ALIGN, "left")


class _Quote(markdown.BlockQuote):
    """A quote with a violet bar beside every row."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        styles = _styles_of(console)
        inner = options.update(width=max(2, options.max_width - 2))
        rows = console.render_lines(self.elements, inner, style=styles.quote, pad=False)
        yield from _lines([Segment("▌ ", styles.bar), *row] for row in rows)


class _Line(markdown.HorizontalRule):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style=_styles_of(console).rule)


class _PaddedTable(markdown.TableElement):
    """A table over the whole width; where it does not fit, each row is a list of its cells."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        styles = _styles_of(console)
        heads = [cell.content.copy() for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[cell.content for cell in row.cells] for row in self.body.rows] if self.body else []
        for head in heads:
            head.stylize(styles.table_head)
        if len(heads) * (COLUMN_MIN + 3) + 1 > options.max_width:
            yield from _as_lists(heads, rows)
            return
        table = Table(box=box.ROUNDED, expand=True, border_style=styles.table_border, header_style="none")
        for head in heads:
            table.add_column(head, justify=head.justify or "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        yield table


def _as_lists(heads: list[Text], rows: list[list[Text]]) -> Iterator[Text]:
    if not rows:
        yield Text(" · ").join(heads)
    for at, row in enumerate(rows):
        if at:
            yield Text("")
        for head, cell in zip(heads, row, strict=False):
            joined = Text.assemble(head, ": ", cell)
            joined.justify = "left"
            yield joined


class _Item(markdown.ListItem):
    """An item of a list; a number has a dot."""

    def render_number(self, console: Console, options: ConsoleOptions, number: int, last_number: int) -> RenderResult:
        mark = f" {number}. "
        rows = console.render_lines(self.elements, options.update(width=max(2, options.max_width - len(mark))), pad=False)
        style = _styles_of(console).number
        yield from _lines([Segment(" " * len(mark) if at else mark, style), *row] for at, row in enumerate(rows))


class _Document(markdown.Markdown):
    """Markdown by rich, with the elements above."""

    elements: ClassVar[dict[str, type[markdown.MarkdownElement]]] = {
        **markdown.Markdown.elements,
        "fence": _CodeBox,
        "code_block": _CodeBox,
        "heading_open": _Title,
        "list_item_open": _Item,
        "blockquote_open": _Quote,
        "hr": _Line,
        "table_open": _PaddedTable,
    }

    def __init__(self, source: str, first_number: int | None):
        super().__init__("", hyperlinks=False)
        self.parsed = _readable(_parser().parse(source))
        if first_number is not None and self.parsed and self.parsed[0].type == "ordered_list_open":
            self.parsed[0].attrSet("start", first_number)


def _readable(tokens: list[Token]) -> list[Token]:
    """Make tokens show what they hide: addresses of images, line breaks, and characters that were written as entities."""
    found: list[Token] = []
    is_address = False
    for token in tokens:
        if token.type == "image":
            address = str(token.attrs.get("src", ""))
            token = Token("text", "", 0, content=f"{token.content} ({address})" if token.content else address)
        elif token.type == "softbreak":
            token.type = "hardbreak"
        elif token.type == "link_open" and token.markup == "autolink":
            is_address = True
            continue
        elif token.type == "link_close" and is_address:
            is_address = False
            continue
        token.content = plain(token.content)
        if token.children:
            token.children = _readable(token.children)
        found.append(token)
    return found
