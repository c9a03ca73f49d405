"""A screen of the full-screen terminal as text: its rows, and for each row its colours by the names of the page's tokens.

Colours by name make the dark and the light screen the same; a blend of a token with the ground behind it has no name.
"""

from typing import NamedTuple

from rich.color import Color
from rich.style import Style

from opta_cli.tui.terminal_app import TerminalApp

BLEND = "~"


class Cell(NamedTuple):
    """One column: its character, the colours of both as hexadecimal numbers ('' for none), and its attributes."""

    text: str
    front: str
    ground: str
    marks: str


def cells_of(app: TerminalApp) -> list[list[Cell]]:
    """Every cell of the screen. The front of a blank cannot be seen, and is ''."""
    rows: list[list[Cell]] = []
    for strip in app.painted():
        row: list[Cell] = []
        for segment in strip:
            style = segment.style or Style()
            ground = _hex(style.bgcolor)
            for character in segment.text:
                is_blank = not character.strip()
                row.append(Cell(character, "" if is_blank else _hex(style.color), ground, _marks(style, is_blank=is_blank)))
        rows.append(row)
    return rows


def text_of(rows: list[list[Cell]]) -> list[str]:
    """The characters of each row."""
    return ["".join(cell.text for cell in row).rstrip() for row in rows]


def written(rows: list[list[Cell]], colours: dict[str, str]) -> str:
    """The whole screen: its rows, and below them `COLUMN:FRONT/GROUND+ATTRIBUTES` wherever the style of a row changes."""
    names: dict[str, str] = {"": ""}
    for name, colour in colours.items():
        names.setdefault(colour, name)
    lines: list[str] = []
    for number, row in enumerate(rows):
        marks, last = list[str](), ""
        for column, cell in enumerate(row):
            now = f"{names.get(cell.front, BLEND)}/{names.get(cell.ground, BLEND)}" + (f"+{cell.marks}" if cell.marks else "")
            if now != last and (cell.text.strip() or now.partition("/")[2] != last.partition("/")[2]):
                marks.append(f"{column}:{now}")
                last = now
        lines.append(f"{number:2} {' '.join(marks)}".rstrip())
    return "\n".join([*text_of(rows), "", *lines, ""])


def differences(dark: list[list[Cell]], light: list[list[Cell]], of_dark: dict[str, str], of_light: dict[str, str]) -> list[str]:
    """Cells of the light screen that are not the dark one in other colours. Blends are left out."""
    names: dict[str, set[str]] = {"": {""}}
    for name, colour in of_dark.items():
        names.setdefault(colour, set()).add(of_light[name])
    found: list[str] = []
    for y, (row, other) in enumerate(zip(dark, light, strict=True)):
        for x, (cell, now) in enumerate(zip(row, other, strict=True)):
            is_same = cell.text == now.text and cell.marks == now.marks
            for ours, theirs in ((cell.front, now.front), (cell.ground, now.ground)):
                is_same &= ours not in names or theirs in names[ours]
            if not is_same:
                found.append(f"{y},{x}: {cell} {now}")
    return found


def _hex(colour: Color | None) -> str:
    return colour.triplet.hex.lower() if colour is not None and colour.triplet is not None else ""


def _marks(style: Style, *, is_blank: bool) -> str:
    known = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("r", style.reverse), ("d", style.dim))
    return "".join(sign for sign, is_set in known if is_set and (not is_blank or sign == "r"))
