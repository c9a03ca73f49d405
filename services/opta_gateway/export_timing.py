"""When each part of an exported session came: numbers of events and lengths of texts, and no word of them.

The player of the HTML export shows and hides the parts of the static document by these numbers. A masked secret stays masked, because
what is played is the document itself.
"""

import datetime
from collections.abc import Iterable

import msgspec

from opta_protocol import events as e
from opta_protocol import wire

# A text that grows by pieces is drawn this often while it is played.
GROWTH_MS = 80
# What a call says of itself before it has a result.
_CALL_WORDS = {"called": "requested", "asking": "asks for permission", "running": "running"}


class Growth(msgspec.Struct):
    """How a text grew: numbers of events, each with the characters that the text had after it."""

    at: list[tuple[int, int]] = []
    chars: int = 0
    shown_ms: int = 0

    def set(self, event: int, chars: int, ms: int) -> None:
        """The text has so many characters now. Pieces that follow each other closely count as one."""
        self.chars = chars
        if self.at and 0 <= ms - self.shown_ms < GROWTH_MS:
            self.at[-1] = (self.at[-1][0], chars)
        else:
            self.at.append((event, chars))
            self.shown_ms = ms


class ExportTiming:
    """The timing of a session. Events are counted from 1, as in its journal."""

    def __init__(self) -> None:
        # Milliseconds since 1970 of each event; the clock does not go back.
        self.times: list[int] = []
        # Turn -> the event that ended it.
        self.ends: dict[str, int] = {}
        # (turn, step) -> how its answer and its reasoning grew.
        self.texts: dict[tuple[str, int], Growth] = {}
        self.thoughts: dict[tuple[str, int], Growth] = {}
        # (turn, call) -> what it said of itself, and from which event on; and the event of its result.
        self.states: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self.results: dict[tuple[str, str], int] = {}
        self._steps: dict[str, int] = {}

    def add(self, event: e.AnyEvent | e.Unknown) -> None:
        """Note the next event."""
        last = self.times[-1] if self.times else 0
        self.times.append(max(last, _ms(event)))
        number, ms = len(self.times), self.times[-1]
        match event:
            case e.StepStart():
                key = event.turn, event.step
                self._steps[event.turn] = event.step
                if (text := self.texts.get(key)) is not None:
                    # The step is repeated, and keeps a part of its answer.
                    text.set(number, min(text.chars, event.keptChars), ms)
                    self.thoughts.pop(key, None)
            case e.TurnToken():
                growth = self.texts.setdefault(self._step(event.turn), Growth())
                growth.set(number, growth.chars + len(event.delta), ms)
            case e.TurnThinking():
                growth = self.thoughts.setdefault(self._step(event.turn), Growth())
                growth.set(number, growth.chars + len(event.delta), ms)
            case e.TurnThought():
                if (text := self.texts.pop(self._step(event.turn), None)) is not None:
                    growth = self.thoughts.setdefault(self._step(event.turn), Growth())
                    growth.set(number, growth.chars + text.chars, ms)
            case e.ToolCall():
                # A repeated step has its calls again; those before are not in the document.
                self.states[event.turn, event.callId] = [(number, _CALL_WORDS["called"])]
                self.results.pop((event.turn, event.callId), None)
            case e.PermissionRequest():
                self._say(event.turn, event.callId, number, "asking")
            case e.ToolStart():
                self._say(event.turn, event.callId, number, "running")
            case e.ToolResult():
                self.results[event.turn, event.callId] = number
            case e.TurnDone() | e.TurnError() | e.SessionCancelled():
                self.ends[event.turn] = number
            case _:
                pass

    def _step(self, turn: str) -> tuple[str, int]:
        return turn, self._steps.get(turn, 0)

    def _say(self, turn: str, call: str, number: int, state: str) -> None:
        if (known := self.states.get((turn, call))) is not None:
            known.append((number, _CALL_WORDS[state]))

    def pauses(self) -> list[int]:
        """Milliseconds before each event, the first one without any."""
        return [0, *(later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False))] if self.times else []


def timing_of(lines: Iterable[bytes]) -> ExportTiming:
    """The timing of a journal's lines."""
    timing = ExportTiming()
    for line in lines:
        timing.add(wire.decode(line))
    return timing


def _ms(event: e.AnyEvent | e.Unknown) -> int:
    ts = str(event.raw.get("ts", "")) if isinstance(event, e.Unknown) else event.ts
    try:
        return round(datetime.datetime.fromisoformat(ts).timestamp() * 1000)
    except ValueError:
        return 0
