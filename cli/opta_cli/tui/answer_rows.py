"""The rows of an answer while it grows: what is whole is drawn once, and only the last block again."""

from ..markdown_look import MarkdownStyles, code_edge, code_rows, rows_of
from ..plain_text import plain, plain_line
from ..segment_rows import Row
from .answer_blocks import AnswerBlock, cut
from .palette_markdown import markdown_styles
from .palette_styles import PaletteStyles


class AnswerRows:
    """Draws one answer in one width and palette. `take` may be called with every longer text."""

    def __init__(self, width: int, styles: PaletteStyles):
        self._width, self._styles = width, markdown_styles(styles)
        self._text = ""
        self._whole: list[Row] = []
        # Where the block begins that is not whole.
        self._from = 0
        self._code: _OpenCode | None = None
        # For tests and measurements: how many characters were drawn as Markdown.
        self.drawn_chars = 0

    def take(self, text: str) -> list[Row]:
        """The rows of a text. When it is not a longer version of the one before, it is drawn from its beginning."""
        if not text.startswith(self._text):
            self._whole, self._from, self._code = [], 0, None
        self._text = text
        blocks = cut(text, self._from)
        for block in blocks[:-1]:
            self._add(self._whole, self._drawn(text[block.start : block.end]), block)
            self._from, self._code = block.end, None
        rows = list(self._whole)
        if blocks:
            self._from = blocks[-1].start
            self._add(rows, self._last(text, blocks[-1]), blocks[-1])
        return rows

    def _last(self, text: str, block: AnswerBlock) -> list[Row]:
        if not block.is_open:
            self._code = None
            return self._drawn(text[block.start : block.end])
        if self._code is None:
            self._code = _OpenCode(self._width, self._styles)
        return self._code.take(text[block.start : block.end])

    def _drawn(self, markdown: str) -> list[Row]:
        self.drawn_chars += len(markdown)
        return rows_of(plain(markdown), self._width, self._styles)

    def _add(self, rows: list[Row], more: list[Row], block: AnswerBlock) -> None:
        # A cut paragraph goes on without a blank row.
        if rows and more and self._text[block.start - 1] == "\n":
            rows.append([])
        rows += more


class _OpenCode:
    """The rows of a code fence whose end has not come. Lines that are whole are drawn once."""

    def __init__(self, width: int, styles: MarkdownStyles):
        self._width, self._styles = width, styles
        self._rows: list[Row] = []
        self._lines = 0

    def take(self, block: str) -> list[Row]:
        head, _, body = block.partition("\n")
        *whole, last = body.split("\n")
        if not self._rows:
            label = plain_line(head.strip().lstrip("`~").strip())
            self._rows.append(code_edge(label, self._width, self._styles, is_top=True))
        for line in whole[self._lines :]:
            self._rows += self._line(line)
        self._lines = len(whole)
        return [*self._rows, *(self._line(last) if last else []), code_edge("", self._width, self._styles, is_top=False)]

    def _line(self, line: str) -> list[Row]:
        return code_rows(plain(line), self._width, self._styles)
