"""A turn as rows of a terminal. Parts that have not changed keep their rows, so that a long turn costs no more than its last part."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.segment import Segment
from rich.text import Text

from opta_core.transcript_parts import Call, Step, Turn

from ..plain_text import plain
from ..segment_rows import Row, drawn
from . import turn_text
from .answer_rows import AnswerRows
from .palette_styles import PaletteStyles

OUTPUT_LINES = 8


class ItemRow(NamedTuple):
    """A row. `item` names what a person can open there: `call:ID`, `thinking:STEP`, or '' for nothing."""

    segments: Row
    item: str = ""


class TurnDrawing:
    """Draws one turn. `opened`: the items that a person has unfolded; shared by all turns of a timeline."""

    def __init__(self, width: int, styles: PaletteStyles, opened: set[str]):
        self._width, self._styles, self._opened = width, styles, opened
        self._answers: dict[int, AnswerRows] = {}
        self._parts: dict[str, tuple[object, list[ItemRow]]] = {}

    def rows(self, turn: Turn) -> list[ItemRow]:
        """All rows of the turn as it is now."""
        found = list(self._prompt(turn))
        remarks = list(turn.remarks)
        has_steps = len(turn.steps) > 1 or turn.mode != "chat"
        for step in turn.steps:
            while remarks and remarks[0].seq < step.seq:
                found += self._line(remarks.pop(0).text, "warn")
            found += self._step(turn, step, has_heading=has_steps)
        for remark in remarks:
            found += self._line(remark.text, "warn" if remark.kind == "warning" else "text-dim")
        found += self._end(turn)
        return found if not found[-1].segments else [*found, ItemRow([])]

    def _prompt(self, turn: Turn) -> Iterator[ItemRow]:
        key = (turn.text, turn.command, turn.state == "queued")
        yield from self._kept(f"prompt:{turn.id}", key, lambda: list(self._prompt_rows(turn)))

    def _prompt_rows(self, turn: Turn) -> Iterator[ItemRow]:
        head = turn_text.heading(turn) + (" · waits" if turn.state == "queued" else "")
        yield ItemRow([Segment(head[: self._width], self._styles.style("text-dim"))])
        ground = self._styles.style("text", on="raised")
        bar = Segment("▌ ", self._styles.style("violet", on="raised"))
        text = Text(plain(turn.command or turn.text).rstrip("\n"), style=ground, overflow="fold")
        for row in drawn(text, max(1, self._width - 3)):
            used = sum(segment.cell_length for segment in row)
            yield ItemRow([bar, *row, Segment(" " * max(0, self._width - 2 - used), ground)])
        yield ItemRow([])

    def _step(self, turn: Turn, step: Step, *, has_heading: bool) -> Iterator[ItemRow]:
        if has_heading:
            again = f" · attempt {step.attempt}" if step.attempt > 1 else ""
            words = f"Step {step.step} · {step.model}{again}"
            yield from self._kept(f"step:{step.step}", words, lambda: [self._row(words, "text-faint")])
        for steer in turn.steers:
            if steer.step == step.step:
                yield from self._line(f"▹ You added: {steer.text}", "violet")
        if step.thinking:
            yield from self._thinking(step)
        if step.text:
            yield from self._answer(step)
        for call in step.calls:
            yield from self._call(call)
        if step.calls:
            yield ItemRow([])

    def _thinking(self, step: Step) -> Iterator[ItemRow]:
        item = f"thinking:{step.step}"
        is_open = item in self._opened
        key = (len(step.thinking), step.thinkingTokens, step.thoughtTo, is_open)
        yield from self._kept(item, key, lambda: list(self._thinking_rows(step, item, is_open=is_open)))

    def _thinking_rows(self, step: Step, item: str, *, is_open: bool) -> Iterator[ItemRow]:
        yield ItemRow(
            [Segment(f"{'▾' if is_open else '▸'} {turn_text.thinking_line(step)}", self._styles.style("thinking", italic=True))], item
        )
        if is_open:
            bar = Segment("┃ ", self._styles.style("violet"))
            text = Text(plain(step.thinking).strip(), style=self._styles.style("thinking"), overflow="fold")
            yield from (ItemRow([bar, *row], item) for row in drawn(text, max(1, self._width - 2)))
        yield ItemRow([])

    def _answer(self, step: Step) -> Iterator[ItemRow]:
        if step.step not in self._answers:
            self._answers[step.step] = AnswerRows(self._width, self._styles)
        key = (step.attempt, len(step.text), step.text[-8:])
        answer = self._answers[step.step]
        yield from self._kept(f"answer:{step.step}", key, lambda: [*map(ItemRow, answer.take(step.text)), ItemRow([])])

    def _call(self, call: Call) -> Iterator[ItemRow]:
        item = f"call:{call.id}"
        child = (call.child.state, call.child.step) if call.child else None
        asks = call.asked is not None and not call.asked.by
        is_running = call.state in ("running", "allowed")
        key = (call.state, len(call.output) if is_running else 0, len(call.effects), child, asks, call.lines)
        yield from self._kept(item, key, lambda: list(self._call_rows(call, item)))

    def _call_rows(self, call: Call, item: str) -> Iterator[ItemRow]:
        token = turn_text.CALL_TOKENS.get(call.state, "cyan")
        label, outcome = turn_text.call_label(call), turn_text.call_outcome(call)
        left = Text.assemble((f"{turn_text.CALL_GLYPHS[call.state]} ", self._styles.style(token, bold=True)), label, overflow="ellipsis")
        right = Text(f"  {outcome}", self._styles.style("err" if call.state == "failed" else "text-dim", dim=True), overflow="ellipsis")
        least = min(right.cell_len, max(12, self._width // 2))
        left.truncate(max(8, self._width - least), overflow="ellipsis", pad=False)
        right.truncate(max(0, self._width - left.cell_len), overflow="ellipsis")
        yield ItemRow(drawn(Text.assemble(left, right, no_wrap=True, overflow="ellipsis"), self._width)[0], item)
        if call.state in ("running", "allowed") and call.output:
            tail = plain(call.output[-4000:]).rstrip("\n").split("\n")[-OUTPUT_LINES:]
            for line in tail:
                yield self._row(f"  │ {line.expandtabs(4)}", "text-dim", item)

    def _end(self, turn: Turn) -> Iterator[ItemRow]:
        for steer in turn.steers:
            if not steer.step:
                yield from self._line(f"▹ Waits for the next step: {steer.text}", "violet")
        if turn.undone:
            yield from self._line(f"↶ Undone in {', '.join(turn.undone)}", "text-dim")
        words, token = turn_text.ending(turn)
        if words:
            yield from self._line(words, token)
        if turn.state == "paused":
            yield from self._line("‖ Paused. Go on: Ctrl+P, Go on with the paused turn", "warn")
        if figures := turn_text.statistics(turn):
            yield self._row(figures, "text-faint")

    def _line(self, text: str, token: str) -> Iterator[ItemRow]:
        """Words that may need several rows."""
        for row in drawn(Text(plain(text), self._styles.style(token), overflow="fold"), self._width):
            yield ItemRow(row)

    def _row(self, text: str, token: str, item: str = "") -> ItemRow:
        shown = Text(text, self._styles.style(token), no_wrap=True, overflow="ellipsis")
        shown.truncate(self._width, overflow="ellipsis")
        return ItemRow(drawn(shown, self._width)[0], item)

    def _kept(self, name: str, key: object, draw: Callable[[], list[ItemRow]]) -> list[ItemRow]:
        known = self._parts.get(name)
        if known is None or known[0] != key:
            known = self._parts[name] = (key, draw())
        return known[1]
