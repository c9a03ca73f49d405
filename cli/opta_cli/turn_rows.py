"""The rows of a turn on a terminal: what is final now, and what is still open at the end.

`TurnRows` takes the parts of a view in their order. It reads no terminal; the width and the time are arguments.
"""

import math
from collections import deque
from datetime import datetime

from rich.cells import cell_len, chop_cells

from .markdown_stream import MarkdownStream
from .plain_text import plain, plain_line
from .terminal_look import Tone, toned
from .view import ViewPart

# Of a running command, and of one that has ended; characters that make about one token.
OUTPUT_ROWS, OUTPUT_LINES_MAX, TOKEN_CHARS = 6, 200, 4
_MARKS: tuple[tuple[str, Tone], ...] = (
    ("▸", "violet"),
    ("✓", "green"),
    ("✕", "red"),
    ("!", "yellow"),
    ("…", "dim"),
    ("±", "dim"),
    ("·", "dim"),
)


class TurnRows:
    """`shows_thinking`: reasoning is shown whole, else as one line."""

    def __init__(self, *, has_colour: bool, shows_thinking: bool):
        self._answer = MarkdownStream(has_colour=has_colour)
        self._shows_thinking = shows_thinking
        self._final: list[str] = []
        self._thinking, self._thought_lines = "", 0
        self._thinks_since: datetime | None = None
        self._ts = ""
        self._output: deque[str] = deque(maxlen=OUTPUT_LINES_MAX)
        self._output_lines = 0
        self._waiting = self._status = ""
        # Lines that came within an answer. They do not cut its words, and are final behind it.
        self._notices: list[str] = []
        # What the last final row belongs to: one blank row separates answers from lines.
        self._last = ""

    def take(self, part: ViewPart, width: int) -> None:
        """The next part."""
        self._ts = part.ts or self._ts
        self._waiting = ""
        if part.kind != "thinking":
            self._end_thinking(width)
        if part.kind not in ("answer", "repeat", "rethink", "line", "waiting"):
            self._end_answer(width)
        if part.kind not in ("output", "line", "waiting"):
            self._end_output(width)
        match part.kind:
            case "answer":
                self._answer.feed(part.text)
                self._add("answer", self._answer.final_rows(width))
            case "thinking":
                self._think(part, width)
            case "output":
                self._put_out(part.text)
            case "waiting":
                self._waiting = plain_line(part.text)
            case "repeat" | "rethink":
                self._take_back(part, width)
            case "line":
                self._put_line(part.text, width)
            case "step":
                self._add("step", [toned(f"── {plain_line(part.text)} ──", "violet")])
            case "stats":
                self._add("stats", [toned(row, "dim") for row in wrapped(plain_line(part.text), width)])
            case "error":
                first, *rest = (row for line in plain(part.text).split("\n") for row in wrapped(line, max(8, width - 6)))
                self._add("line", [f"{toned('opta:', 'red')} {first}", *(f"      {each}" for each in rest)])
            case "prompt":
                pass

    def line(self, text: str, width: int) -> None:
        """A line that is no part of the session."""
        self._waiting = ""
        self._put_line(text, width)

    def end(self, width: int) -> None:
        """All that is open is final."""
        self._waiting = self._status = ""
        self._end_thinking(width)
        self._end_answer(width)
        self._end_output(width)

    def wait(self, width: int) -> None:
        """A turn begins, and nothing has come yet."""
        self._waiting, self._last = "…", ""

    def status(self, text: str) -> None:
        """Replace the row that says how far sub-agents are."""
        self._status = plain_line(text)

    def final_rows(self) -> list[str]:
        """Rows that have become final; each is given once."""
        rows, self._final = self._final, []
        return rows

    def open_rows(self, width: int, thinking_s: float) -> list[str]:
        """Rows that may still change. `thinking_s`: for how long the model has been thinking."""
        rows = self._answer.open_rows(width)
        if self._thinking and self._shows_thinking:
            rows += _thought_rows(self._thinking.split("\n")[self._thought_lines :])
        elif self._thinking:
            rows.append(toned(f"✻ thinking · about {_tokens(self._thinking)} tokens · {thinking_s:.0f} s", "dim"))
        rows += [_output_row(each) for each in [line for line in self._output if line][-OUTPUT_ROWS:]]
        rows += self._notices
        rows += [toned(each, "dim") for each in (self._waiting, self._status) if each]
        return ["", *rows] if rows and self._is_apart("answer" if self._answer.text else "line") else rows

    @property
    def is_thinking(self) -> bool:
        """Whether an open row counts seconds."""
        return bool(self._thinking) and not self._shows_thinking

    # what is added ---------------------------------------------------------------------------------

    def _add(self, kind: str, rows: list[str]) -> None:
        if rows:
            if self._is_apart(kind):
                self._final.append("")
            self._final += rows
            self._last = kind

    def _is_apart(self, kind: str) -> bool:
        """Whether a blank row separates what comes from what was before."""
        return bool(self._last) and self._last != kind and ("answer" in (self._last, kind) or kind == "step")

    def _end_answer(self, width: int) -> None:
        self._add("answer", self._answer.finish(width))
        notices, self._notices = self._notices, []
        self._add("line", notices)

    def _put_line(self, text: str, width: int) -> None:
        if self._answer.text:
            self._notices += _line_rows(text, width)
            return
        # Of a call that has ended, the output is above.
        if not text.startswith("▸"):
            self._end_output(width)
        self._add("line", _line_rows(text, width))

    def _think(self, part: ViewPart, width: int) -> None:
        self._end_answer(width)
        if not self._thinking:
            self._thinks_since = _time(part.ts)
        self._thinking += part.text
        if self._shows_thinking:
            lines = self._thinking.split("\n")
            self._add("line", _thought_rows(lines[self._thought_lines : -1]))
            self._thought_lines = len(lines) - 1

    def _end_thinking(self, width: int) -> None:
        if not self._thinking:
            return
        tokens, since, until = _tokens(self._thinking), self._thinks_since, _time(self._ts)
        seconds = f" · {(until - since).total_seconds():.1f} s" if since and until else ""
        if self._shows_thinking:
            self._add("line", _thought_rows(self._thinking.split("\n")[self._thought_lines :]))
        self._add("line", [toned(f"✻ thought · about {tokens} tokens{seconds}", "dim")])
        self._thinking, self._thought_lines, self._thinks_since = "", 0, None

    def _put_out(self, text: str) -> None:
        first, *rest = text.split("\n")
        if self._output:
            self._output[-1] += first
        else:
            self._output.append(first)
            self._output_lines += 1
        self._output.extend(rest)
        self._output_lines += len(rest)

    def _end_output(self, width: int) -> None:
        lines = [each for each in self._output if each]
        if lines:
            hidden = self._output_lines - len(self._output) + len(lines) - OUTPUT_ROWS
            head = [toned(f"  │ … {hidden} earlier lines", "dim")] if hidden > 0 else []
            self._add("line", [*head, *(_output_row(each) for each in lines[-OUTPUT_ROWS:])])
        self._output.clear()
        self._output_lines = 0

    def _take_back(self, part: ViewPart, width: int) -> None:
        """The answer of the step is repeated, or was reasoning: what is open goes, what is final is said to be void."""
        is_clean = self._answer.cut(part.kept if part.kind == "repeat" else 0)
        if part.kind == "rethink":
            self._add("line", _line_rows(part.text, width))
        elif not is_clean:
            words = " ".join(self._answer.text.split())[-40:]
            what = f"the answer above counts up to “…{words}”" if words else "the answer above does not count"
            self._add("line", [toned(f"… the model was asked once more: {plain_line(what)}", "dim")])


def _line_rows(text: str, width: int) -> list[str]:
    """A line with its mark in colour; what does not fit is indented below."""
    row = plain_line(text)
    bare = row.lstrip()
    indent = len(row) - len(bare)
    mark, tone = next((each for each in _MARKS if bare.startswith(each[0])), ("", None))
    first, *rest = [" " * (indent if not at else indent + 2) + each for at, each in enumerate(wrapped(bare, max(8, width - indent - 2)))]
    if tone is None:
        return [first, *rest]
    if tone == "dim":
        return [toned(each, "dim") for each in (first, *rest)]
    return [first.replace(mark, toned(mark, tone), 1), *rest]


def wrapped(text: str, width: int) -> list[str]:
    """A text in rows of at most `width` columns, broken at blanks where there are some."""
    rows, row = list[str](), ""
    for word in text.split(" "):
        for at, piece in enumerate(chop_cells(word, width) or [""]):
            joined = f"{row} {piece}" if row and not at else row + piece
            if cell_len(joined) <= width and not at:
                row = joined
            else:
                rows.append(row)
                row = piece
    return [*rows, row]


def _output_row(line: str) -> str:
    """A line of a command's output as a terminal would show it: behind its last carriage return."""
    shown = line.removesuffix("\r").rsplit("\r", 1)[-1]
    return toned(f"  │ {plain_line(shown)}", "dim")


def _thought_rows(lines: list[str]) -> list[str]:
    return [toned(f"┆ {plain_line(line)}", "dim") for line in lines]


def _tokens(text: str) -> int:
    return math.ceil(len(text) / TOKEN_CHARS)


def _time(ts: str) -> datetime | None:
    try:
        return datetime.fromisoformat(ts)
    except ValueError:
        return None
