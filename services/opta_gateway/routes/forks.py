"""Forks: a new session with the history of another one, to go on from there, or to ask a turn once more."""

import hashlib

import msgspec

from opta_core.errors import Refused
from opta_core.transcript import Transcript, Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import SessionWorktree, TurnStart
from opta_protocol.http_control import ForkAnswer, ForkRequest
from opta_protocol.ids import derived_session_id, new_session_id

from ..asked_turn import asked_limits
from ..endpoint import GatewayOf, TypedRouter, body
from .turns import IdempotencyKey, meant_of

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/fork", status_code=201)
async def fork_session(gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: ForkRequest = body(ForkRequest)) -> ForkAnswer:
    """A new session with the history up to a turn, or before it with its prompt once more. The old session stays as it is."""
    session = await gateway.store.session(name)
    turn = _turn(await gateway.store.transcript(session.id), wanted)
    is_again = wanted.again or bool(wanted.text.strip())
    new = derived_session_id(f"{session.id} {key}") if key else new_session_id()
    gateway.worker.fork_files(session.id, new)
    made = await gateway.store.queries.fork(session.id, new, turn.id, is_before=is_again)
    if session.worktree is not None and made.worktree is not None and session.worktree.state != made.worktree.state:
        # The fork works in the same worktree, and its history does not say what became of it.
        await gateway.store.append(SessionWorktree(sid=made.id, state=session.worktree.state))
        made = await gateway.store.session(made.id)
    if not is_again:
        return ForkAnswer(session=made)
    text, command = turn.text, turn.command
    if wanted.text.strip():
        meant = await meant_of(gateway.loaded.paths, session, wanted.text)
        text, command = meant.text, wanted.text if meant.text != wanted.text else ""
    result = await gateway.store.append(
        TurnStart(
            sid=made.id,
            role="user",
            text=text,
            mode=wanted.mode or turn.mode,
            level=wanted.level or turn.level,
            model=wanted.model or turn.model,
            command=command,
            attachments=turn.attachments,
            # A turn that resumed another one has no prompt but that.
            resumes=turn.resumes,
            limits=await asked_limits(gateway.store, session.id, turn),
            # The same request again gets the same turn.
            key=f"fork {key}" if key else "",
            body=hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:16],
        )
    )
    return ForkAnswer(session=made, turnId=result.turn)


def _turn(transcript: Transcript, wanted: ForkRequest) -> Turn:
    """The turn to fork at. Raises Refused: there is none."""
    turn = transcript.turn(wanted.turnId) if wanted.turnId else next((turn for turn in reversed(transcript.turns) if turn.endedAt), None)
    if turn is None:
        what = f"There is no turn {wanted.turnId[:20]!r}" if wanted.turnId else "No turn has ended"
        raise Refused(f"{what} in s-{transcript.sid}.", code=ErrorCode.not_found if wanted.turnId else ErrorCode.conflict)
    if turn.compact and (wanted.again or wanted.text):
        raise Refused(f"{turn.id} has no prompt: it compacted the context. Fork at the turn before it.", code=ErrorCode.conflict)
    return turn
