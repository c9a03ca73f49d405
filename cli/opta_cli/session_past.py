"""What happened in a session before this terminal came: read, folded, and shown as it was."""

import shutil
import sys
from collections.abc import Iterable, Iterator

import msgspec

from opta_protocol import events as e
from opta_protocol import wire

from .client import Client
from .plain_text import plain, plain_line
from .terminal_look import can_draw, has_colour
from .view import Block, SessionView, ViewPart

EVENTS_MAX, PAGE, TURNS_SHOWN = 4000, 1000, 2
_MARKS = {"prompt": "you ▸ ", "error": "opta: "}


def read(client: Client, sid: str, last: int) -> SessionView:
    """The view of a session up to seq `last`, from its last few thousand events. Raises OptaError."""
    view, after = SessionView(), max(0, last - EVENTS_MAX)
    view.seq = after
    for event in events(client, sid, after):
        view.apply(event)
        if event.seq >= last:
            break
    return view


def events(client: Client, sid: str, after: int = 0) -> Iterator[e.AnyEvent | e.Unknown]:
    """All stored events of a session after seq `after`, page by page, without waiting for new ones. Raises OptaError."""
    while True:
        page = client.get(f"/v3/sessions/{sid}/events", afterSeq=after, limit=PAGE)["events"]
        for line in page:
            event = wire.decode(msgspec.json.encode(line))
            after = event.seq
            yield event
        if len(page) < PAGE:
            return


def show(view: SessionView, active: str = "") -> list[ViewPart]:
    """Print the last turns on standard error, above what comes now.

    `active`: the turn that runs. Its prompt stands last, and its passages are returned instead: more text of them comes.
    """
    turns = list(dict.fromkeys(block.turn for block in view.blocks if block.turn))
    shown = {*turns[-TURNS_SHOWN:], *([active] if active else [])}
    if set(turns) - shown:
        print("… earlier turns: opta sessions show", file=sys.stderr)
    blocks = [block for block in view.blocks if block.turn in shown]
    begun = [block for block in blocks if active and block.turn == active]
    past = [block for block in blocks if block.turn != active] + [block for block in begun if block.kind == "prompt"]
    for line in _drawn(past) if can_draw() else lines(past):
        print(line, file=sys.stderr)
    print(file=sys.stderr)
    return [ViewPart(block.kind, block.text, block.turn) for block in begun if block.kind != "prompt"]


def _drawn(blocks: Iterable[Block]) -> Iterator[str]:
    """The rows of passages as they were drawn when they came."""
    from .turn_rows import TurnRows

    rows, width = TurnRows(has_colour=has_colour(), shows_thinking=False), max(20, shutil.get_terminal_size().columns - 1)
    for block in blocks:
        if block.kind == "prompt":
            rows.end(width)
            yield from rows.final_rows()
            yield from lines([block])
        elif block.text:
            rows.take(ViewPart(block.kind, block.text, block.turn), width)
    rows.end(width)
    yield from rows.final_rows()


def lines(blocks: Iterable[Block], *, thinking: bool = False) -> Iterator[str]:
    """The lines of passages as plain text: prompts, answers, and what was done between them."""
    for block in blocks:
        if not block.text:
            continue
        if block.kind == "thinking" and not thinking:
            yield f"… thinking, {len(block.text.split())} words"
        elif block.kind in ("answer", "thinking", "output"):
            yield from plain(block.text).rstrip("\n").split("\n")
        elif block.kind == "prompt":
            first, *rest = plain(block.text).split("\n")
            yield ""
            yield _MARKS["prompt"] + first
            yield from (f"    {line}" for line in rest)
        elif block.text:
            yield _MARKS.get(block.kind, "") + plain_line(block.text)
