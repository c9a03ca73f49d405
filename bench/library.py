"""Writes a home with 1,000 sessions and one session of 2,000 turns, in the store's line format."""

import os
import time
from pathlib import Path

from opta_protocol import wire
from opta_protocol.events import Event, SessionStart, StepStart, TurnDone, TurnStart, TurnToken
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, Mode

SESSIONS, LONG_TURNS = 1000, 2000
_DELTAS = 10
LINES_A_TURN = _DELTAS + 3


class _Writer:
    """Numbers the lines of one journal as the store does."""

    def __init__(self, sid: str, started: float):
        self.sid, self._at = sid, started
        self.lines: list[bytes] = []

    def add(self, event: Event, *, producer: str) -> None:
        """Add the next line, one millisecond after the previous one."""
        self._at += 0.001
        ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._at)) + f".{int(self._at % 1 * 1e6):06d}Z"
        self.lines.append(wire.stamp(wire.encode_body(event), len(self.lines) + 1, ts, producer, len(self.lines) + 1))

    def start(self, workspace: Path) -> None:
        """Add the first line."""
        start = SessionStart(sid=self.sid, title=f"Session {self.sid}", cwd=str(workspace), mode=Mode.chat, level=Level.L1)
        self.add(start, producer="gateway.past")

    def begin(self, number: int) -> dict[str, str]:
        """Add the start of a turn and of its first step. Returns the fields that identify the turn."""
        of: dict[str, str] = {"sid": self.sid, "turn": f"t{number}"}
        start = TurnStart(
            role="user", text=f"say {number} of the past", mode=Mode.chat, level=Level.L1, key=f"key-{number}", body="0" * 16, **of
        )
        self.add(start, producer="gateway.past")
        self.add(StepStart(step=1, provider="scripted", model="scripted", attempt=1, **of), producer="agent.past")
        return of

    def turn(self, number: int, deltas: int) -> None:
        """Add a complete turn."""
        of = self.begin(number)
        for _ in range(deltas):
            self.add(TurnToken(delta="some words of an answer ", **of), producer="agent.past")
        done = TurnDone(tokens=deltas, elapsed=0.1, tokensPerSec=100.0, tools=0, steps=1, finish="stop", **of)
        self.add(done, producer="agent.past")


def fill(sessions: Path, workspace: Path, count: int = SESSIONS, long_turns: int = LONG_TURNS) -> tuple[str, int]:
    """Write `count` journals. Returns (id, last seq) of the long session."""
    now = time.time()
    taken: set[str] = set()
    for number in range(count - 1):
        _journal(sessions, workspace, _new_id(taken), now - 86_400 - number * 60, 3)
    return _journal(sessions, workspace, _new_id(taken), now - 3600, long_turns)


def crowd(sessions: Path, workspace: Path, count: int) -> None:
    """Write `count` short journals with old change times."""
    taken: set[str] = set()
    began = time.time() - 86_400 - count
    for number in range(count):
        writer = _Writer(_new_id(taken), began + number)
        writer.start(workspace)
        writer.turn(1, 1)
        _keep(sessions, writer, began + number)


def running(sessions: Path, workspace: Path, turns: int) -> str:
    """Write the journal of a session with `turns` short turns and one running turn. Returns its id."""
    writer = _Writer(new_session_id(), time.time() - 3600)
    writer.start(workspace)
    for number in range(1, turns + 1):
        writer.turn(number, 1)
    writer.begin(turns + 1)
    _keep(sessions, writer, time.time())
    return writer.sid


def _journal(sessions: Path, workspace: Path, sid: str, started: float, turns: int) -> tuple[str, int]:
    writer = _Writer(sid, started)
    writer.start(workspace)
    for number in range(1, turns + 1):
        writer.turn(number, _DELTAS)
    _keep(sessions, writer, started)
    return sid, len(writer.lines)


def _keep(sessions: Path, writer: _Writer, changed_at: float) -> None:
    """Write a journal as the store left it then: what changed a moment ago is not in its index."""
    file = sessions / f"{writer.sid}.jsonl"
    file.write_bytes(b"\n".join(writer.lines) + b"\n")
    file.chmod(0o600)
    os.utime(file, (changed_at, changed_at))


def _new_id(taken: set[str]) -> str:
    while (sid := new_session_id()) in taken:
        pass
    taken.add(sid)
    return sid
