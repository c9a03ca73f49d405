"""Repairs one damaged session, or reports what a repair would keep."""

import asyncio
from collections.abc import Callable

from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.commands import JOURNAL_REPAIRED
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event, Warning
from opta_protocol.http import Repair

from .catalog import SessionCatalog
from .session_state import SessionState

# Number of lost and dropped lines that a report lists.
LISTED_MAX = 100
log = Log("store")


class SessionRepair:
    """Repairs sessions of `catalog`. `write_events` writes an event that the store itself creates."""

    def __init__(self, catalog: SessionCatalog, write_events: Callable[[SessionState, Event], None]):
        self._catalog, self._write_events = catalog, write_events

    async def run(self, sid: str, *, is_wanted: bool) -> Repair:
        """Report what a repair keeps and drops; with `is_wanted`, repair. Raises OptaError. The session accepts no events meanwhile."""
        try:
            state = self._catalog.state(sid)
            if state is None:
                raise Refused(f"There is no session s-{sid}.", code=ErrorCode.not_found)
            if not state.is_damaged:
                return Repair(id=sid, damaged=False, applied=False, kept=state.last_seq)
            made, copy = await asyncio.to_thread(self._catalog.repair, sid, is_wanted=is_wanted)
            if is_wanted:
                self._catalog.reload(sid)
        except OSError as error:
            raise Unavailable(f"s-{sid} was not repaired and is unchanged: {error.strerror or error}.") from error
        report = Repair(
            id=sid,
            damaged=True,
            applied=is_wanted,
            kept=made.kept,
            lost=len(made.lost),
            lostSeqs=made.lost[:LISTED_MAX],
            dropped=len(made.dropped),
            droppedLines=made.dropped[:LISTED_MAX],
            copy=copy,
        )
        if is_wanted and (state := self._catalog.states.get(sid)) is not None:
            log.info("journal repaired", session=sid, kept=report.kept, lost=report.lost, dropped=report.dropped, copy=copy)
            self._write_events(state, _warning(report))
        return report


def _warning(report: Repair) -> Warning:
    message = (
        f"This session's journal was damaged and has been repaired: {report.kept} lines are kept, {report.lost} are lost, "
        f"{report.dropped} were dropped. The damaged file is kept as {report.copy}."
    )
    return Warning(sid=report.id, code=JOURNAL_REPAIRED, message=message)
