"""Markdown that arrives piece by piece, as rows that are final and rows that may still change.

A block is final when the next one has begun, an item of a list when the next item has, a line of code at its end. So a row that was
given as final is never given again, and nothing of the source is left out; how the source was cut into pieces changes no row.
**Invariant:** it reads no clock and no terminal.
"""

import itertools
import re
from typing import Literal, NamedTuple

from markdown_it.token import Token

from .markdown_look import blocks_of, code_edge, code_rows, rows_of
from .plain_text import plain, plain_line
from .segment_rows import Row, as_text
from .terminal_markdown import TERMINAL_MARKDOWN

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})(?P<label>.*)")

_ENDS: dict[str, Literal["", "blank", "line"]] = {"paragraph_open": "blank", "table_open": "blank", "heading_open": "line", "hr": "line"}


class _Piece(NamedTuple):
    """A block, or an item of a list: its first line; the number of an item (0: none); whether it follows an item of the same list.

    `ends`: where it ends for certain, also when nothing follows: with a blank line, with its line, or '' for what may go on.
    """

    line: int
    number: int = 0
    is_next_item: bool = False
    is_code: bool = False
    ends: Literal["", "blank", "line"] = ""


class MarkdownStream:
    """One answer. `text`: all of its source; `settled`: how many characters of it are in final rows."""

    def __init__(self, *, has_colour: bool):
        self._has_colour = has_colour
        self._begin("")

    def _begin(self, text: str) -> None:
        self.text, self.settled = text, len(text)
        # The marks that opened the code block that is being written, and their indentation.
        self._fence, self._indent = "", 0
        # Whether there are rows above, and of a list that goes on: the item that is open.
        self._has_rows = False
        self._item: _Piece | None = None

    def feed(self, piece: str) -> None:
        """Add a piece of the source."""
        self.text += piece

    def cut(self, kept: int) -> bool:
        """Go back to the first `kept` characters. Returns whether no final row is affected; if one is, the text goes on behind it."""
        if kept >= self.settled:
            self.text = self.text[:kept]
            return True
        self._begin(self.text[:kept])
        return False

    def final_rows(self, width: int) -> list[str]:
        """Rows that have become final."""
        rows: list[str] = []
        while True:
            before = self.settled
            rows += self._code(width) if self._fence else self._blocks(width)
            if self.settled == before:
                return rows

    def open_rows(self, width: int) -> list[str]:
        """Rows of what is still open, as they would be if it ended here."""
        source = _readable(self.text[self.settled :])
        if self._fence:
            rows = self._line_rows(source, width) if source and not self._closes(source) else []
            return [*rows, self._edge("", width, is_top=False)]
        rows: list[str] = []
        has_rows = self._has_rows
        pieces = self._pieces(source)
        for piece, part in zip(pieces, _parts(source, pieces), strict=True):
            rows += self._rendered(piece, part, width, has_rows=has_rows)
            has_rows = has_rows or bool(rows)
        return rows

    def finish(self, width: int) -> list[str]:
        """The rest, which is final now. The next piece begins another answer."""
        rows = [*self.final_rows(width), *self.open_rows(width)] if self.text[self.settled :] or self._fence else []
        self._begin("")
        return rows

    # blocks ----------------------------------------------------------------------------------------

    def _blocks(self, width: int) -> list[str]:
        """Final rows of blocks that are followed by another one. What the last line begins is not known before it ends."""
        source = self.text[self.settled :]
        whole = source[: source.rfind("\n") + 1]
        pieces = self._pieces(_readable(whole)) if whole.strip() else []
        rows: list[str] = []
        for at, (piece, part) in enumerate(zip(pieces, _parts(whole, pieces), strict=True)):
            if piece.is_code:
                return [*rows, *self._begin_code(part, width)]
            is_last = at == len(pieces) - 1
            if is_last and not (piece.ends == "line" or (piece.ends == "blank" and not part.splitlines()[-1].strip())):
                self._item = piece if piece.number else None
                break
            found = self._rendered(piece, _readable(part), width, has_rows=self._has_rows)
            self._has_rows = self._has_rows or bool(found)
            rows += found
            self.settled += len(part)
        return rows

    def _pieces(self, source: str) -> list[_Piece]:
        """What a source consists of, in order; the first begins at its first line."""
        tokens = blocks_of(source)
        pieces: list[_Piece] = []
        for at, token in enumerate(tokens):
            if token.level == 0 and token.nesting >= 0 and token.map:
                if token.type in ("bullet_list_open", "ordered_list_open"):
                    pieces += self._items(tokens, at, is_first=not pieces)
                else:
                    pieces.append(_Piece(token.map[0], is_code=token.type == "fence", ends=_ENDS.get(token.type, "")))
        if pieces:
            pieces[0] = pieces[0]._replace(line=0)
        return pieces

    def _items(self, tokens: list[Token], at: int, *, is_first: bool) -> list[_Piece]:
        """The items of the list that opens at a token, numbered behind the item that is open."""
        opened = self._item if is_first else None
        first = opened.number if opened else int(tokens[at].attrs.get("start", 1)) or 0
        items: list[_Piece] = []
        for token in tokens[at + 1 :]:
            if token.level == 0:
                break
            if token.type == "list_item_open" and token.level == 1 and token.map:
                is_next = bool(items) or (opened is not None and opened.is_next_item)
                items.append(_Piece(token.map[0], max(1, first + len(items)), is_next))
        return items

    def _rendered(self, piece: _Piece, source: str, width: int, *, has_rows: bool) -> list[str]:
        if piece.is_code:
            found = _FENCE.match(source.lstrip("\n"))
            label = plain_line(found["label"].strip()) if found else ""
            # Its first line has not ended: what has is drawn line by line.
            edges = [self._edge(label, width, is_top=True), self._edge("", width, is_top=False)]
            return ["", *edges] if has_rows else edges
        rows = self._texts(rows_of(source, width, TERMINAL_MARKDOWN, first_number=piece.number or None))
        return ["", *rows] if rows and has_rows and not piece.is_next_item else rows

    # code ------------------------------------------------------------------------------------------

    def _begin_code(self, source: str, width: int) -> list[str]:
        """The rows above code whose first line has ended. Blank lines may stand before it."""
        lines = source.split("\n")
        at = next((number for number, line in enumerate(lines) if line.strip()), 0)
        found = _FENCE.match(_readable(lines[at]))
        assert found is not None, lines[at]
        self.settled += sum(len(line) + 1 for line in lines[: at + 1])
        self._fence, self._indent, self._item = found["mark"], len(found["indent"]), None
        gap = [""] if self._has_rows else []
        self._has_rows = True
        return [*gap, self._edge(plain_line(found["label"].strip()), width, is_top=True)]

    def _code(self, width: int) -> list[str]:
        """Final rows of lines of code that have ended."""
        rows: list[str] = []
        while (end := self.text.find("\n", self.settled)) >= 0:
            line = _readable(self.text[self.settled : end])
            self.settled = end + 1
            if self._closes(line):
                self._fence = ""
                return [*rows, self._edge("", width, is_top=False)]
            rows += self._line_rows(line, width)
        return rows

    def _line_rows(self, line: str, width: int) -> list[str]:
        spaces = min(self._indent, len(line) - len(line.lstrip(" ")))
        return self._texts(code_rows(line[spaces:], width, TERMINAL_MARKDOWN))

    def _closes(self, line: str) -> bool:
        """Whether a line ends the code: at least as many of the same marks, and nothing else."""
        marks = line.strip()
        return len(line) - len(line.lstrip(" ")) < 4 and len(marks) >= len(self._fence) and set(marks) == {self._fence[0]}

    def _edge(self, label: str, width: int, *, is_top: bool) -> str:
        return as_text(code_edge(label, width, TERMINAL_MARKDOWN, is_top=is_top), has_colour=self._has_colour)

    def _texts(self, rows: list[Row]) -> list[str]:
        return [as_text(row, has_colour=self._has_colour) for row in rows]


def _parts(source: str, pieces: list[_Piece]) -> list[str]:
    """The text of each piece, up to the next one."""
    lines = source.split("\n")
    begins = [piece.line for piece in pieces]
    parts = ["\n".join(lines[one:other]) + "\n" for one, other in itertools.pairwise(begins)]
    return [*parts, "\n".join(lines[begins[-1] :])] if pieces else []


def _readable(source: str) -> str:
    """The source with one kind of line end, and without characters that act on a terminal."""
    return plain(source.replace("\r\n", "\n").removesuffix("\r"))
