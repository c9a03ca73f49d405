"""What one journal says was used, by day, model and tool.

`read` continues where it stopped: a journal only grows, so what was counted is not read again. A journal that was replaced, or no
longer holds the last line that was counted, is counted from its beginning.
"""

import datetime
import os
import zlib
from pathlib import Path

import msgspec

from .figures import Figures, ToolFigures

# Events that count; the name of an event stands within the first bytes of its line.
_COUNTED = frozenset(
    (
        *(b"session.start", b"step.start", b"step.done", b"tool.call", b"tool.result"),
        *(b"turn.done", b"turn.error", b"session.cancelled"),
    )
)
_NAME = b'"event":"'
_NAME_WITHIN = 80


class _Line(msgspec.Struct, frozen=True):
    """The fields that count. Names as on the wire; all have defaults, because a line may be of an older version."""

    event: str = ""
    ts: str = ""
    turn: str = ""
    cwd: str = ""
    parent: str = ""
    parentTurn: str = ""
    parentCall: str = ""
    provider: str = ""
    model: str = ""
    tokens: int = 0
    promptTokens: int = 0
    cachedTokens: int = 0
    elapsed: float = 0.0
    callId: str = ""
    name: str = ""
    ok: bool = True
    durationMs: float = 0.0


_decoder = msgspec.json.Decoder(_Line)


class _OpenTurn(msgspec.Struct):
    """A turn that has not ended: the model of its last step, whether that step was counted, and the names of its tool calls."""

    model: str = ""
    is_step_open: bool = False
    names: dict[str, str] = {}


class JournalUsage:
    """The sums of one journal. `by_model`: (day, model) -> figures; `by_tool`: (day, tool) -> figures. Days are local, as 2026-11-30."""

    def __init__(self, file: Path):
        self.file = file
        self._reset()

    def _reset(self) -> None:
        self.folder = ""
        self.by_model: dict[tuple[str, str], Figures] = {}
        self.by_tool: dict[tuple[str, str], ToolFigures] = {}
        self._turns: dict[str, _OpenTurn] = {}
        # The last turn that a fork has from its parent, where it is counted.
        self._copied_to = 0
        # How far it was counted: the length and the checksum of the last counted line, which ends at `_end`.
        self._end, self._last_bytes, self._last_sum, self._changed_at, self._inode = 0, 0, 0, 0, 0

    def read(self) -> None:
        """Count what was appended since the last call. Raises OSError."""
        with open(self.file, "rb") as handle:
            stat = os.fstat(handle.fileno())
            if (stat.st_size, stat.st_mtime_ns, stat.st_ino) == (self._end, self._changed_at, self._inode):
                return
            if self._end and not self._continues(handle.fileno(), stat):
                self._reset()
            handle.seek(self._end)
            last = b""
            for line in handle:
                if not line.endswith(b"\n"):
                    # It is just being written.
                    break
                self._end += len(line)
                last = line
                self._take(line)
            if last:
                self._last_bytes, self._last_sum = len(last), zlib.crc32(last)
            self._changed_at, self._inode = stat.st_mtime_ns, stat.st_ino

    def _continues(self, descriptor: int, stat: os.stat_result) -> bool:
        """Whether the file still holds the last counted line where it was."""
        if stat.st_ino != self._inode or stat.st_size < self._end:
            return False
        return zlib.crc32(os.pread(descriptor, self._last_bytes, self._end - self._last_bytes)) == self._last_sum

    def _take(self, line: bytes) -> None:
        at = line.find(_NAME, 0, _NAME_WITHIN) + len(_NAME)
        if line[at : line.find(b'"', at, _NAME_WITHIN)] not in _COUNTED:
            return
        try:
            event = _decoder.decode(line)
        except msgspec.DecodeError:
            # A damaged line; the store reports and repairs it.
            return
        if event.event == "session.start":
            self.folder = event.cwd
            self._copied_to = _number(event.parentTurn) if event.parent and not event.parentCall else 0
        elif not 0 < _number(event.turn) <= self._copied_to:
            self._count(event)

    def _count(self, event: _Line) -> None:
        turn = self._turns.setdefault(event.turn, _OpenTurn())
        match event.event:
            case "step.start":
                self._close_step(event, turn)
                turn.model, turn.is_step_open = f"{event.provider}/{event.model}" if event.provider else event.model, True
            case "step.done":
                figures = self._figures(event, turn.model)
                figures.prompt_tokens += event.promptTokens
                figures.cached_tokens += event.cachedTokens
                figures.tokens += event.tokens
                # No prompt is empty: the provider did not say what it read.
                figures.unreported += not (event.promptTokens or event.cachedTokens)
                turn.is_step_open = False
            case "tool.call":
                turn.names[event.callId] = event.name
            case "tool.result":
                self._count_result(event, turn)
            case _:
                self._close_step(event, turn)
                figures = self._figures(event, turn.model)
                figures.turns += 1
                figures.unfinished += event.event != "turn.done"
                figures.seconds += event.elapsed if event.event == "turn.done" else 0.0
                del self._turns[event.turn]

    def _count_result(self, event: _Line, turn: _OpenTurn) -> None:
        figures = self._figures(event, turn.model)
        figures.calls += 1
        figures.failed += not event.ok
        tool = self.by_tool.setdefault((local_day(event.ts), turn.names.pop(event.callId, "")), ToolFigures())
        tool.add(ToolFigures(1, not event.ok, event.durationMs / 1000))

    def _close_step(self, event: _Line, turn: _OpenTurn) -> None:
        """A model call that was begun has ended without a count."""
        if turn.is_step_open:
            self._figures(event, turn.model).cut += 1
        turn.is_step_open = False

    def _figures(self, event: _Line, model: str) -> Figures:
        return self.by_model.setdefault((local_day(event.ts), model), Figures())


_days: dict[str, str] = {}
_DAYS_MAX = 10_000


def local_day(ts: str) -> str:
    """The day of a time of a journal (UTC) on this machine, as 2026-11-30; '' when it cannot be read."""
    # All offsets from UTC are multiples of a quarter of an hour, so a minute lies within one day.
    minute = ts[:16]
    if (known := _days.get(minute)) is not None:
        return known
    try:
        day = datetime.datetime.fromisoformat(f"{minute}:00+00:00").astimezone().date().isoformat()
    except (ValueError, OverflowError):
        day = ""
    if len(_days) >= _DAYS_MAX:
        _days.clear()
    _days[minute] = day
    return day


def _number(turn: str) -> int:
    return int(turn[1:]) if turn[1:].isdecimal() else 0
