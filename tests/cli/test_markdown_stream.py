"""An answer that arrives piece by piece is drawn once: no row twice, no word missing, whatever the pieces and the width."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from support.markdown_answer import ANSWER, WORDS

from opta_cli.markdown_stream import MarkdownStream

CODES = re.compile(r"\x1b\[[0-9;]*m")
CYAN, VIOLET = "\x1b[36m", "38;5;141m"
LONG_LIST = "\n".join(f"{number}. item {number}" for number in range(1, 13))
CODE = "Before\n\n~~~~js title\n    indented\n```\n~~~\nlast\n~~~~\nafter `x`\n"
WINDOWS = "one\r\n\r\n```\r\ncode\r\n```\r\n- a\r\n- b\r\n"
SOURCES = [
    ANSWER,
    LONG_LIST,
    CODE,
    WINDOWS,
    "unclosed **bold\n\n```py\nx = 1",
    "a\n---\nb\n***\n",
    "- one\n\n  two\n- three\n\ntext",
    "<div>\nhtml\n</div>",
]


def drawn(pieces: list[str], width: int = 79, *, has_colour: bool = False) -> list[str]:
    """All rows of an answer in these pieces; open rows are asked for between them, as a terminal does."""
    stream, rows = MarkdownStream(has_colour=has_colour), list[str]()
    for piece in pieces:
        stream.feed(piece)
        rows += stream.final_rows(width)
        stream.open_rows(width)
    return rows + stream.finish(width)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SOURCES), st.lists(st.integers(0, 1200), max_size=30), st.sampled_from([24, 39, 79, 159]))
def test_the_pieces_change_no_row(source: str, cuts: list[int], width: int) -> None:
    at = sorted({0, len(source), *(cut for cut in cuts if cut < len(source))})
    pieces = [source[one:other] for one, other in itertools.pairwise(at)]
    assert drawn(pieces, width) == drawn([source], width)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab \n`*_~#>-|1.[]()<&\t!漢", max_size=120), st.integers(0, 120))
def test_any_text_is_drawn_within_its_width(source: str, cut: int) -> None:
    rows = drawn([source[:cut], source[cut:]], 39)
    assert rows == drawn([source], 39)
    assert all(cell_len(row) <= 39 for row in rows)
    words = [word for word in re.findall(r"[ab漢]+", source) if len(word) < 9]
    shown = re.sub(r"[^ab漢]", "", "".join(rows))
    assert len(shown) >= sum(map(len, words)) if "```" not in source and "~~~" not in source else True


@pytest.mark.parametrize("width", [39, 79, 159])
def test_code_tables_quotes_and_headings_have_their_look(width: int) -> None:
    rows = drawn([ANSWER[:200], ANSWER[200:]], width, has_colour=True)
    bare = [CODES.sub("", row) for row in rows]
    assert all(cell_len(row) <= width for row in bare)
    text = re.sub(r"\s+", " ", " ".join(bare))
    assert [word for word in WORDS if word not in text] == []
    top = next(at for at, row in enumerate(bare) if row.startswith("╭─ python ─"))
    assert rows[top].startswith(CYAN) and bare[top].endswith("╮") and cell_len(bare[top]) == width
    assert {cell_len(row) for row in bare[top : bare.index(next(row for row in bare[top:] if row.startswith("╰")), top) + 1]} == {width}
    assert any(VIOLET in row and "The parser" in row for row in rows)
    assert any(f"{CYAN}read_line" in row for row in rows)
    assert any(VIOLET in row and "▌" in row and "A quote" in row for row in rows)
    table = [cell_len(row) for row in bare if "│" in row and ("splits" in row or "what it does" in row or "漢字" in row)]
    assert len(set(table)) == 1


def test_a_table_that_does_not_fit_is_a_list() -> None:
    table = (
        "| " + " | ".join(f"head{n}" for n in range(8)) + " |\n" + "|-" * 8 + "|\n| " + " | ".join(f"cell{n}" for n in range(8)) + " |\n"
    )
    assert "head7: cell7" in drawn([table], 39)


def test_half_a_code_block_is_shown_and_settles_line_by_line() -> None:
    stream = MarkdownStream(has_colour=False)
    stream.feed("Look:\n\n```sh\necho one\necho t")
    final = stream.final_rows(30)
    assert [row.rstrip() for row in final] == ["Look:", "", "╭─ sh ───────────────────────╮", "│ echo one                   │"]
    assert stream.open_rows(30) == ["│ echo t                     │", "╰────────────────────────────╯"]
    stream.feed("wo\n```\n")
    assert stream.final_rows(30) == ["│ echo two                   │", "╰────────────────────────────╯"]
    assert (stream.final_rows(30), stream.finish(30)) == ([], [])


def test_what_is_open_can_be_taken_back_and_what_is_final_cannot() -> None:
    stream = MarkdownStream(has_colour=False)
    stream.feed("final\n\nlast\n\nopen words")
    assert stream.final_rows(30) == ["final", "", "last"]
    assert stream.cut(len("final\n\nlast\n\nopen"))
    stream.feed(" again")
    assert stream.open_rows(30) == ["", "open again"]
    assert not stream.cut(2)
    stream.feed("nal")
    assert stream.finish(30) == ["nal"]


def test_characters_that_act_on_a_terminal_are_shown() -> None:
    rows = "\n".join(drawn(["a\x1b[31mb `\x1b]0;x` &#x202e;c ![i](\u202edata)\n\n```\n\x1b[2J\n```\n"]))
    assert "\x1b" not in rows and "\u202e" not in rows
    assert rows.count("\\x1b") == 3 and rows.count("\\u202e") == 1
