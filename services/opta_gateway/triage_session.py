"""What a diagnosis reads of a session: its settings, its last turn, and what that stands at."""

import asyncio

import msgspec

from opta_core.clock import seconds_until
from opta_core.errors import OptaError
from opta_core.transcript import Transcript, Turn
from opta_protocol import wire
from opta_protocol.http import Session
from opta_protocol.http_triage import TurnFacts

from .store_access import StoreAccess

SESSION_S = 2.5


class SessionPart(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the session: as it is listed, its transcript, and its last line."""

    session: Session
    transcript: Transcript
    last_event: str = ""
    last_ts: str = ""

    @property
    def turn(self) -> Turn | None:
        """The turn that runs, or else the last one."""
        turns = self.transcript.turns
        return next((turn for turn in turns if not turn.endedAt), turns[-1] if turns else None)


async def session_part(store: StoreAccess, name: str) -> SessionPart | None:
    """The session that a diagnosis is about. None without one, or while the store does not answer. Raises not_found."""
    if not name:
        return None
    try:
        async with asyncio.timeout(SESSION_S):
            session = await store.queries.session(name, SESSION_S)
            transcript = await store.transcript(session.id)
            lines = await store.queries.after(session.id, max(0, session.lastSeq - 1), 1)
    except TimeoutError:
        return None
    except OptaError as error:
        if error.retryable:
            return None
        raise
    header = wire.read_header(lines[-1]) if lines else None
    return SessionPart(
        session=session,
        transcript=transcript,
        last_event=header.event if header else "",
        last_ts=header.ts if header else "",
    )


def turn_facts(part: SessionPart) -> TurnFacts | None:
    """The turn that runs, or else the last one, as evidence."""
    turn = part.turn
    if turn is None:
        return None
    calls = [call for step in turn.steps for call in step.calls]
    asked = next((call for call in calls if call.state == "asking" or (call.asked is not None and not call.asked.by)), None)
    running = next((call.name for call in calls if call.state == "running" and call.asked is None), "")
    since_s = -seconds_until(part.last_ts) if part.last_ts else 0.0
    return TurnFacts(
        id=turn.id,
        state=turn.state,
        lastEvent=part.last_event,
        silentS=round(max(0.0, since_s), 1) if not turn.endedAt else 0.0,
        aheadS=round(max(0.0, -since_s), 1),
        errorCode=turn.errorCode,
        error=turn.error,
        finish=str((turn.stats or {}).get("finish", "")),
        waitsFor=""
        if turn.endedAt or asked is None
        else "a question of the model"
        if asked.asked is not None
        else f"permission for {asked.name}",
        callRunning="" if turn.endedAt else running,
        contextUsed=turn.contextUsed,
        contextLimit=turn.contextLimit,
    )
