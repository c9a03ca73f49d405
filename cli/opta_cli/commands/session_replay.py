"""opta sessions replay: prints a session as it happened, at its pace or faster. It only reads."""

import argparse
import datetime
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from opta_core.settings import LoadedSettings
from opta_protocol import events as e

from .. import session_past
from ..connection import connect
from ..exit_codes import ExitCode
from ..plain_printer import PlainPrinter
from ..terminal_conversation import printer_here
from ..view import Block, SessionView
from .chat import shows_thinking

if TYPE_CHECKING:
    from ..terminal_printer import TerminalPrinter

# A longer pause between two events takes this long, and the terminal says so.
PAUSE_S_MAX = 2.0
# Shorter waits are added up.
WAIT_S_MIN = 0.02


class Pace:
    """How long to wait before each event, by the times in the journal. It reads no clock."""

    def __init__(self, speed: float):
        self._speed = speed
        self._last: datetime.datetime | None = None
        self._owed = 0.0

    def before(self, ts: str) -> tuple[float, float]:
        """(seconds to wait now, seconds of a pause that is shortened, 0 for none) before the event of a time."""
        try:
            now = datetime.datetime.fromisoformat(ts)
        except ValueError:
            return 0.0, 0.0
        # The clock of the machine may have been set back.
        pause = max(0.0, (now - self._last).total_seconds()) if self._last is not None else 0.0
        self._last = now if self._last is None else max(now, self._last)
        self._owed += min(pause, PAUSE_S_MAX) / self._speed
        if self._owed < WAIT_S_MIN:
            return 0.0, 0.0
        wait, self._owed = self._owed, 0.0
        return wait, pause if pause > PAUSE_S_MAX else 0.0


def replay(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions replay ID [--speed N]"""
    client = connect(loaded, args)
    sid = client.get(f"/v3/sessions/{quote(args.id, safe='')}")["id"]
    view, pace = SessionView(), Pace(args.speed)
    printer = printer_here(as_json=False, shows_thinking=shows_thinking(loaded))
    with printer.drawing():
        printer.line(f"Replay of s-{sid} at {args.speed:g}x. Nothing is changed; Ctrl-C ends it.")
        for event in session_past.events(client, sid):
            wait, pause = pace.before(getattr(event, "ts", ""))
            if pause:
                printer.line(f"‖ {span(pause)} later")
            time.sleep(wait)
            _show(printer, view, event)
        printer.flush()
        printer.line("The replay has ended.")
    return ExitCode.done


def _show(printer: "PlainPrinter | TerminalPrinter", view: SessionView, event: e.AnyEvent | e.Unknown) -> None:
    if isinstance(event, e.StepDone | e.ToolCall | e.TurnStart):
        printer.flush()
    for part in view.apply(event):
        if part.kind == "prompt":
            for line in session_past.lines([Block("prompt", part.turn, [part.text])]):
                printer.line(line)
        else:
            printer.show(part)


def span(seconds: float) -> str:
    """A pause in words: its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if value]
    return " ".join(parts[:2])
