"""Undo: the files of a turn as they were before it."""

from opta_core.errors import Refused
from opta_core.transcript import Transcript, Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.event_parts import Change
from opta_protocol.events import TurnUndone
from opta_protocol.http import TurnUndoneAnswer, UndoTurnRequest

from ..endpoint import GatewayOf, TypedRouter, body

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/undo")
async def undo_turn(gateway: GatewayOf, name: str, wanted: UndoTurnRequest = body(UndoTurnRequest)) -> TurnUndoneAnswer:
    """Put back what a turn's file tools changed: all of it, or nothing when a file was changed since."""
    session = await gateway.store.session(name)
    if session.activeTurn:
        raise Refused(f"s-{session.id} is at work; undo when it has ended.", code=ErrorCode.busy)
    transcript = await gateway.store.transcript(session.id)
    turn = _turn(transcript, wanted.turnId)
    undone = await gateway.worker.undo(session.id, transcript.cwd, changes_of(turn))
    if undone.problem:
        raise Refused(f"{turn.id} was not undone: {undone.problem}", code=ErrorCode.conflict)
    files = sorted({change.path for change in changes_of(turn)})
    await gateway.store.append(TurnUndone(sid=session.id, turn=turn.id, files=files))
    return TurnUndoneAnswer(turnId=turn.id, files=files)


def changes_of(turn: Turn) -> list[Change]:
    """What a turn's tools did to files, oldest first."""
    return [change for step in turn.steps for call in step.calls for change in call.changes]


def _turn(transcript: Transcript, wanted: str) -> Turn:
    if wanted:
        turn = transcript.turn(wanted)
        if turn is None:
            raise Refused(f"There is no turn {wanted[:20]!r} in this session.", code=ErrorCode.not_found)
        if turn.undone:
            raise Refused(f"{wanted} was undone already.", code=ErrorCode.conflict)
        if not changes_of(turn):
            raise Refused(f"{wanted} changed no file with the file tools; what its commands did is not undone.", code=ErrorCode.conflict)
        return turn
    for turn in reversed(transcript.turns):
        if not turn.undone and changes_of(turn):
            return turn
    raise Refused("No turn of this session changed a file that could be put back.", code=ErrorCode.conflict)
