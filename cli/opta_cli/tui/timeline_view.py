"""The timeline: turns as rows, of which only those on the screen are drawn. It follows the end until a person scrolls away.

The last turns are laid out; older ones are one row that lays out more. A turn that has ended is kept as its rows and nothing else.
"""

from bisect import bisect_right
from typing import Any, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from opta_core.transcript import Transcript
from opta_core.transcript_parts import Remark, Turn

from ..segment_rows import Row
from .palette_styles import DARK_STYLES, PaletteStyles
from .turn_drawing import ItemRow, TurnDrawing

TURNS_SHOWN, TURNS_MORE = 40, 40
DRAWN_MAX = 500
OLDER = "older"
_ENDED = frozenset({"done", "error", "cancelled"})


class _Laid:
    """A turn that is laid out. `drawer` is dropped when the turn has ended and another one follows."""

    def __init__(self) -> None:
        self.drawer: TurnDrawing | None = None
        self.key: object = None
        self.rows: list[ItemRow] = []


class _Drawn(NamedTuple):
    """A row as it was drawn. It holds `segments`, so that no other row has their identity meanwhile."""

    segments: Row
    width: int
    base: Style
    strip: Strip


class TimelineView(ScrollView, can_focus=True):
    """Shows a transcript. `show` is called with every change of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,n", "choose(1)", "Next item", show=False),
        Binding("k,p", "choose(-1)", "Previous item", show=False),
        Binding("enter,o", "open_item", "Open", show=False),
        Binding("space", "unfold", "Unfold", show=False),
    ]

    class ItemOpened(Message):
        """A person wants to see all of an item (`call:ID` …) of a turn."""

        def __init__(self, turn: str, item: str):
            super().__init__()
            self.turn, self.item = turn, item

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.styles_of_rows: PaletteStyles = DARK_STYLES
        self._transcript = Transcript()
        self._laid: dict[str, _Laid] = {}
        self._opened: dict[str, set[str]] = {}
        self._first = 0
        self._starts: list[int] = []
        self._shown: list[list[ItemRow]] = []
        self._names: list[str] = []
        self._chosen: tuple[str, str] | None = None
        self._is_following = True
        self._row_width = self._drawn_width = 0
        self._base = Style()
        # How often the rows were laid out, to test and to measure.
        self.layouts = 0
        # What was drawn lately, by the identity of a row: the same row at the same place needs no work.
        self._drawn: dict[int, _Drawn] = {}

    # content ----------------------------------------------------------------------------------------

    def show(self, transcript: Transcript) -> None:
        """Lay out what has changed."""
        if transcript.sid != self._transcript.sid:
            self._laid.clear()
            self._opened.clear()
            self._chosen, self._is_following = None, True
            self._first = max(0, len(transcript.turns) - TURNS_SHOWN)
        self._transcript = transcript
        if self._is_following:
            self._first = max(self._first, len(transcript.turns) - TURNS_SHOWN)
        self._lay_out()

    def redraw(self, styles: PaletteStyles) -> None:
        """Draw everything again, in another palette."""
        self.styles_of_rows = styles
        self._laid.clear()
        self._lay_out()

    def load_older(self) -> None:
        """Lay out more turns above those that are."""
        if not self._first:
            return
        before = self._total
        self._first = max(0, self._first - TURNS_MORE)
        self._is_following = False
        self._lay_out()
        self.scroll_to(y=self.scroll_offset.y + self._total - before, animate=False, immediate=True)

    def _lay_out(self) -> None:
        self.layouts += 1
        self._row_width = max(20, self.scrollable_content_region.width)
        turns = self._transcript.turns[self._first :]
        self._shown, self._starts, self._names = [], [], []
        total = 0
        older = self._older()
        for name, rows in ([(OLDER, older)] if older else []) + self._with_remarks(turns):
            self._names.append(name)
            self._starts.append(total)
            self._shown.append(rows)
            total += len(rows)
        for gone in self._laid.keys() - {turn.id for turn in turns}:
            del self._laid[gone]
        self.virtual_size = Size(self._row_width, total)
        if self._is_following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def _with_remarks(self, turns: list[Turn]) -> list[tuple[str, list[ItemRow]]]:
        """The turns, with what happened between them where it happened."""
        found: list[tuple[str, list[ItemRow]]] = []
        remarks = [each for each in self._transcript.remarks if (turns and each.seq > turns[0].seq) or not self._first]
        for number, turn in enumerate(turns):
            while remarks and remarks[0].seq < turn.seq:
                found.append(("", self._remark(remarks.pop(0))))
            found.append((turn.id, self._rows(turn, is_last=number >= len(turns) - 2)))
        return found + [("", self._remark(each)) for each in remarks]

    def _rows(self, turn: Turn, *, is_last: bool) -> list[ItemRow]:
        laid = self._laid.setdefault(turn.id, _Laid())
        opened = self._opened.setdefault(turn.id, set())
        if turn.state in _ENDED and not is_last:
            effects = sum(len(call.effects) for step in turn.steps for call in step.calls)
            key = (turn.state, len(turn.undone), effects, len(turn.remarks), tuple(sorted(opened)))
            if laid.key == key:
                return laid.rows
            laid.key = key
        else:
            laid.key = None
        laid.drawer = laid.drawer or TurnDrawing(self._row_width, self.styles_of_rows, opened)
        laid.rows = laid.drawer.rows(turn)
        if laid.key is not None:
            laid.drawer = None
        return laid.rows

    def _remark(self, remark: Remark) -> list[ItemRow]:
        return [ItemRow([Segment(f"· {remark.text}"[: self._row_width], self.styles_of_rows.style("text-faint"))]), ItemRow([])]

    def _older(self) -> list[ItemRow]:
        if not self._first:
            return []
        words = f"▲ {self._first:,} earlier {'turn' if self._first == 1 else 'turns'} · Ctrl+Home, or click, shows more"
        return [ItemRow([Segment(words[: self._row_width], self.styles_of_rows.style("text-dim"))], OLDER), ItemRow([])]

    @property
    def _total(self) -> int:
        return self._starts[-1] + len(self._shown[-1]) if self._starts else 0

    # drawing ----------------------------------------------------------------------------------------

    def row_at(self, y: int) -> tuple[str, ItemRow] | None:
        """(turn, row) at a row of the whole timeline."""
        if not 0 <= y < self._total:
            return None
        at = bisect_right(self._starts, y) - 1
        return self._names[at], self._shown[at][y - self._starts[at]]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of a region of the screen."""
        if len(self._drawn) > DRAWN_MAX:
            self._drawn.clear()
        self._base, self._drawn_width = self.rich_style, self.scrollable_content_region.width
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        base, row = self._base, y + self.scroll_offset.y
        width = self._drawn_width
        found = self.row_at(row)
        if found is None:
            return Strip.blank(width, base)
        turn, shown = found
        if shown.item and self._chosen == (turn, shown.item):
            base += self.styles_of_rows.style("text", on="overlay") if self.styles_of_rows.colours else Style(reverse=True)
        drawn = self._drawn.get(id(shown.segments))
        if drawn is None or (drawn.width, drawn.base) != (width, base):
            drawn = _Drawn(shown.segments, width, base, Strip(shown.segments).adjust_cell_length(width).apply_style(base))
            self._drawn[id(shown.segments)] = drawn
        strip = drawn.strip
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            start, end = span
            end = width if end == -1 else end
            marked = Style(reverse=True)
            strip = Strip.join([strip.crop(0, start), strip.crop(start, end).apply_style(marked), strip.crop(end, width)])
        return strip.apply_offsets(0, row)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that a person has marked, to be copied."""
        rows = ["".join(segment.text for segment in row.segments).rstrip() for rows in self._shown for row in rows]
        return selection.extract("\n".join(rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """What is marked has changed."""
        self.refresh()

    # a person ---------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._row_width:
            self._laid.clear()
        self._lay_out()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._is_following = new_value >= self.max_scroll_y

    def scroll_rows(self, rows: int) -> None:
        """Scroll by some rows; at the top, show older turns."""
        if rows < 0 and self.scroll_offset.y == 0:
            self.load_older()
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True)

    def to_end(self) -> None:
        """Follow the end again."""
        self._is_following = True
        self.scroll_end(animate=False, immediate=True)

    def to_start(self) -> None:
        """Show more of the older turns, and then the oldest of them."""
        self.load_older()
        self.scroll_home(animate=False, immediate=True)

    def on_click(self, event: events.Click) -> None:
        found = self.row_at(event.y + self.scroll_offset.y)
        if found is not None and found[1].item:
            self._chosen = (found[0], found[1].item)
            self.action_open_item()

    def action_choose(self, step: int) -> None:
        """Choose the next item, or the one before, and scroll to it."""
        items = self._items()
        if not items:
            return
        known = [item for item, _ in items]
        at = known.index(self._chosen) + step if self._chosen in known else (len(items) - 1 if step < 0 else 0)
        self._chosen, y = items[max(0, min(len(items) - 1, at))]
        if not self.scroll_offset.y <= y < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, y - self.size.height // 2), animate=False, immediate=True)
        self.refresh()

    def _items(self) -> list[tuple[tuple[str, str], int]]:
        found: dict[tuple[str, str], int] = {}
        for turn, rows, start in zip(self._names, self._shown, self._starts, strict=True):
            for number, row in enumerate(rows):
                if row.item:
                    found.setdefault((turn, row.item), start + number)
        return list(found.items())

    def action_unfold(self) -> None:
        """Unfold or fold the chosen item, or the thinking of the last turn."""
        chosen = self._chosen
        if chosen is None:
            chosen = next((item for item, _ in reversed(self._items()) if item[1].startswith("thinking:")), None)
        if chosen is not None and chosen[1].startswith("thinking:"):
            self._opened.setdefault(chosen[0], set()).symmetric_difference_update({chosen[1]})
            self._lay_out()

    def action_open_item(self) -> None:
        """Show all of the chosen item."""
        if self._chosen is None:
            return
        turn, item = self._chosen
        if turn == OLDER:
            self.load_older()
        elif item.startswith("thinking:"):
            self.action_unfold()
        else:
            self.post_message(self.ItemOpened(turn, item))
