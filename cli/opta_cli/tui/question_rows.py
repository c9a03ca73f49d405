"""What a person sees of a permission question before answering: every argument, the change, where it runs, why it is asked."""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from rich.segment import Segment
from rich.style import Style

from opta_core.clock import seconds_until
from opta_protocol import events as e
from opta_protocol.permissions import Offer
from opta_protocol.tools.card import Card, Leaf

from ..plain_text import plain_line, visible, width_of
from ..question import OFFERS, ONCE, problem_of
from ..segment_rows import Row
from .palette_styles import PaletteStyles


def rows_of_request(card: Card, asked: e.PermissionRequest, width: int, styles: PaletteStyles) -> Iterator[Row]:
    """The whole card. Untrusted text is wrapped here, every row of it behind a mark."""
    dim = styles.style("text-dim")
    for leaf in card.arguments:
        yield [Segment(f"{plain_line(leaf.name)}{f' ({leaf.kind})' if leaf.kind else ''}"[:width], dim)]
        yield from _block(leaf.text, width, styles, "│ ")
    if asked.diff:
        yield [Segment("the change", dim)]
        yield from diff_rows(asked.diff, width, styles)
    yield []
    for leaf in (*card.facts, *card.outcome, Leaf("why", asked.reason), *_until(asked)):
        yield from _block(leaf.text, width, styles, f"{leaf.name}: ")
    if problem := problem_of(card, asked):
        yield []
        yield [Segment(f"{problem} It cannot be allowed."[:width], styles.style("err", bold=True))]


def diff_rows(diff: str, width: int, styles: PaletteStyles) -> Iterator[Row]:
    """A diff with its signs, and in colours where there are any."""
    for line in diff.rstrip("\n").split("\n"):
        style = Style()
        if line[:1] == "+" and not line.startswith("+++"):
            style = styles.style("add", on="add-bg")
        elif line[:1] == "-" and not line.startswith("---"):
            style = styles.style("del", on="del-bg")
        elif line[:2] == "@@":
            style = styles.style("cyan")
        yield from _wrapped(line, width, "│ ", styles.style("border-strong"), style)


def scope_rows(offer: Offer, width: int, styles: PaletteStyles) -> Iterator[Row]:
    """The exact rules of a broader answer, before it is confirmed."""
    is_written = OFFERS[offer.id][1] == "always"
    until = "until it is revoked (opta policy list):" if is_written else "in this session:"
    yield [Segment(f"From now on, this is allowed without a question, {until}"[:width], styles.style("warn", bold=True))]
    for words in offer.words:
        yield from _block(words, width, styles, "│ ")
    yield [Segment("in the folder", styles.style("text-dim"))]
    yield from _block(offer.folder, width, styles, "│ ")
    if offer.preview:
        yield from _block(offer.preview, width, styles, "│ ")


def answers_of(asked: e.PermissionRequest, problem: str) -> dict[str, Offer]:
    """The letters that allow more than this call, or this call with more."""
    found: dict[str, Offer] = {}
    for offer in asked.offers:
        letter, _ = OFFERS.get(offer.id, ("", ""))
        if letter and not problem and (offer.id in ONCE or offer.words):
            found[letter] = offer
    return found


def _block(text: str, width: int, styles: PaletteStyles, head: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n")):
        yield from _wrapped(line, width, head if number == 0 else "│ ", styles.style("text-dim"), Style())


def _wrapped(line: str, width: int, head: str, edge: Style, style: Style) -> Iterator[Row]:
    row, used = "", width_of(head)
    for piece in visible(line):
        if used + width_of(piece) > width:
            yield [Segment(head, edge), Segment(row, style)]
            head, row, used = "┊ ", "", 2
        row += piece
        used += width_of(piece)
    yield [Segment(head, edge), Segment(row, style)]


def _until(asked: e.PermissionRequest) -> Iterator[Leaf]:
    with contextlib.suppress(ValueError):
        until, left_s = datetime.fromisoformat(asked.expiresAt).astimezone(), max(0, round(seconds_until(asked.expiresAt)))
        text = f"{until:%H:%M:%S} ({left_s // 60}:{left_s % 60:02} left)" if left_s < 86_400 else f"{until:%Y-%m-%d %H:%M}"
        yield Leaf("until", text)
