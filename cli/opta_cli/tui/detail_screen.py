"""All of one tool call: its arguments, what it printed, its result, and the diffs of the files that it changed."""

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.segment import Segment

from opta_core.transcript_parts import Call
from opta_protocol.tools.card import arguments_of
from opta_protocol.tools.declared import tool_of

from ..segment_rows import Row
from . import turn_text
from .palette_styles import PaletteStyles
from .panel_screen import PanelScreen, exact, titled, wrapped
from .question_rows import diff_rows


class DetailScreen(PanelScreen):
    """Shows a call as it is when the screen opens. `n` and `p` go to the next and the previous call."""

    KEYS: ClassVar[str] = "↑↓ scroll · n next call · p previous call · Esc closes"

    def __init__(self, calls: list[Call], at: int, styles: PaletteStyles):
        super().__init__(styles)
        self._calls, self._at = calls, at

    def title_text(self) -> str:
        call = self._calls[self._at]
        return f"{turn_text.CALL_GLYPHS[call.state]} {turn_text.call_label(call)}  ·  {self._at + 1} of {len(self._calls)}"

    def rows(self, width: int) -> list[Row]:
        return list(call_rows(self._calls[self._at], width, self.row_styles))

    def key_n(self) -> None:
        """The next call."""
        self._go(1)

    def key_p(self) -> None:
        """The call before."""
        self._go(-1)

    def _go(self, step: int) -> None:
        self._at = max(0, min(len(self._calls) - 1, self._at + step))
        self.redraw()


class DiffScreen(PanelScreen):
    """What a session, or a turn, changed in files."""

    def __init__(self, title: str, found: dict[str, Any], styles: PaletteStyles):
        super().__init__(styles)
        self._title, self._found = title, found

    def title_text(self) -> str:
        return self._title

    def rows(self, width: int) -> list[Row]:
        return list(change_rows(self._found, width, self.row_styles))


def call_rows(call: Call, width: int, styles: PaletteStyles) -> Iterator[Row]:
    """Everything about a call."""
    dim, text = styles.style("text-dim"), styles.style("text")
    yield [Segment(f"{call.name} · {turn_text.call_outcome(call)}"[:width], dim)]
    if call.decidedBy:
        who = {"client": call.client or "a person", "rule": call.rule or "a rule", "timeout": "nobody in time"}[call.decidedBy]
        yield [Segment(f"{'denied' if call.state == 'denied' else 'allowed'} by {who}"[:width], dim)]
    for leaf in arguments_of(call.args, tool_of(call.name, call.server, call.schema).subject):
        yield from titled(f"{leaf.name}{f' ({leaf.kind})' if leaf.kind else ''}"[:width], styles)
        yield from exact(leaf.text, width, text)
    if call.written:
        yield from titled("written by the model, and no valid arguments", styles)
        yield from exact(call.written, width, text)
    changes = [*call.changes, *(change for effect in call.effects for change in effect.changes)]
    for change in changes:
        yield from titled(change.path[:width], styles)
        yield from diff_rows(change.diff, width, styles) if change.diff else [[Segment("changed; there is no diff", dim)]]
    if call.output:
        yield from titled("output", styles)
        yield from wrapped(call.output.rstrip("\n"), width, text)
    if call.content and call.content.strip() != call.output.strip():
        yield from titled("result, as the model reads it", styles)
        yield from wrapped(call.content, width, text)
    if call.truncated:
        yield [Segment(f"The result is cut. All of it: {call.spill}"[:width], styles.style("warn"))]


def change_rows(found: dict[str, Any], width: int, styles: PaletteStyles) -> Iterator[Row]:
    """The files of GET .../changes with their diffs."""
    if not found["files"]:
        yield [Segment("No file was changed.", styles.style("text-dim"))]
    for file in found["files"]:
        yield from titled(f"{file['did']} {file['path']}{' (undone)' if file.get('isUndone') else ''}"[:width], styles)
        diff = str(file.get("diff") or "")
        yield from diff_rows(diff, width, styles) if diff else [[Segment("there is no diff", styles.style("text-dim"))]]
        if file.get("isCut"):
            yield [Segment("(the diff is cut)", styles.style("warn"))]
    for line in found.get("missed", []):
        yield [Segment(f"not known: {line}"[:width], styles.style("warn"))]
