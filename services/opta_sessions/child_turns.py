"""Sub-agents follow the turn that started them: its stop, its pause and its end hold for them too.

What has to hold is derived from the states alone and compared with what holds, so it is the same after the store was killed at any moment.
"""

from collections.abc import Callable

import msgspec

from opta_core.logs import Log
from opta_protocol.events import Event, SessionCancelled, TurnPausing, TurnResumed, TurnStopping
from opta_protocol.http import Session

from .catalog import SessionCatalog
from .session_state import OpenTurn, SessionState

PARENT = "parent"
log = Log("children")


class ChildTurns:
    """`write_events` writes events that the store itself creates."""

    def __init__(self, catalog: SessionCatalog, write_events: Callable[[SessionState, Event], None]):
        self._catalog, self._write_events = catalog, write_events
        self._is_checking = False

    def check(self) -> None:
        """Stop, pause and resume the turns of sub-agents as far as their parents' turns ask for it."""
        if self._is_checking:
            return
        self._is_checking = True
        try:
            for child in list(self._catalog.states.values()):
                turn = child.delegated()
                if turn is None or child.is_damaged:
                    continue
                try:
                    event = self._due(child, turn)
                except OSError as error:
                    log.warning("parent cannot be read yet", session=child.sid, parent=child.parent, reason=error)
                    continue
                if event is not None:
                    self._write_events(child, event)
        finally:
            self._is_checking = False

    def _due(self, child: SessionState, turn: OpenTurn) -> Event | None:
        # A parent that is not read yet is read now; one with an open turn is in memory already.
        parent = self._catalog.state(child.parent)
        above = parent.open_turns.get(child.parent_turn) if parent is not None else None
        if above is None or above.is_stopping:
            if turn is not child.head():
                return SessionCancelled(sid=child.sid, turn=turn.turn, reason="Stopped before it started.", by=PARENT)
            return None if turn.is_stopping else TurnStopping(sid=child.sid, turn=turn.turn, by=PARENT)
        if turn.is_stopping:
            return None
        if above.is_pausing and not turn.is_pausing:
            return TurnPausing(sid=child.sid, turn=turn.turn, by=PARENT)
        if not above.is_pausing and turn.paused_by == PARENT:
            return TurnResumed(sid=child.sid, turn=turn.turn, by=PARENT)
        return None


def waiting_parents(states: dict[str, SessionState]) -> set[tuple[str, str]]:
    """(session, turn) of the turns whose sub-agents work."""
    return {(child.parent, child.parent_turn) for child in states.values() if child.delegated() is not None}


def children_asking(states: dict[str, SessionState]) -> dict[str, int]:
    """Session -> number of questions that its sub-agents put to people."""
    asking: dict[str, int] = {}
    for child in states.values():
        if child.pending and child.delegated() is not None:
            asking[child.parent] = asking.get(child.parent, 0) + len(child.pending)
    return asking


def with_children(session: Session, asking: dict[str, int]) -> Session:
    """A session as lists show it: one whose sub-agent asks a person waits for that person, too."""
    questions = asking.get(session.id, 0)
    return msgspec.structs.replace(session, pending=session.pending + questions, state="waiting") if questions else session
