"""Control of a turn that waits or runs: words for it, a pause, other words for one that waits."""

import hashlib

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import TurnEdited, TurnPausing, TurnSteer
from opta_protocol.http import Ok
from opta_protocol.http_control import EditText, PauseAccepted, PauseTurn, SteerAccepted, SteerTurn
from opta_protocol.ids import new_call_id

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, body
from .turns import IdempotencyKey, meant_of

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/steer", status_code=202)
async def steer_turn(gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: SteerTurn = body(SteerTurn)) -> SteerAccepted:
    """Words for the running turn: its next model call reads them. If the turn ends before, they begin the next turn."""
    if not wanted.text.strip():
        raise Refused("Field 'text': it holds only white space.")
    sid, turn = await _running(gateway, name, wanted.turnId, "Send it as a prompt")
    steer = hashlib.sha256(f"{sid} {turn} {key}".encode()).hexdigest()[:12] if key else new_call_id()
    await gateway.store.append(TurnSteer(sid=sid, turn=turn, steerId=steer, text=wanted.text))
    return SteerAccepted(turnId=turn, steerId=steer)


@routes.patch("/v3/sessions/{name}/steer/{steer_id}")
async def edit_steer(gateway: GatewayOf, name: str, steer_id: str, wanted: EditText = body(EditText)) -> SteerAccepted:
    """Other words, while no model has read them."""
    if not wanted.text.strip():
        raise Refused("Field 'text': it holds only white space. To remove the message, use DELETE.")
    sid, turn = await _running(gateway, name, "", "Send it as a prompt")
    await gateway.store.append(TurnSteer(sid=sid, turn=turn, steerId=steer_id, text=wanted.text, isEdit=True))
    return SteerAccepted(turnId=turn, steerId=steer_id)


@routes.delete("/v3/sessions/{name}/steer/{steer_id}")
async def remove_steer(gateway: GatewayOf, name: str, steer_id: str) -> Ok:
    """Take the words back, while no model has read them."""
    sid, turn = await _running(gateway, name, "", "Nothing waits")
    await gateway.store.append(TurnSteer(sid=sid, turn=turn, steerId=steer_id, text="", isEdit=True))
    return Ok()


@routes.post("/v3/sessions/{name}/pause", status_code=202)
async def pause_turn(gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: PauseTurn = body(PauseTurn)) -> PauseAccepted:
    """Pause the running turn before its next step; what its step does now is finished. It stays paused across restarts."""
    sid, turn = await _running(gateway, name, wanted.turnId, "There is nothing to pause")
    await gateway.store.append(TurnPausing(sid=sid, turn=turn, by="client", key=key))
    return PauseAccepted(turnId=turn)


@routes.patch("/v3/sessions/{name}/turns/{turn_id}")
async def edit_turn(gateway: GatewayOf, name: str, turn_id: str, wanted: EditText = body(EditText)) -> Ok:
    """Another prompt for a turn that waits for the turns before it. To remove it, stop it."""
    if not wanted.text.strip():
        raise Refused("Field 'text': it holds only white space. To remove the turn, stop it.")
    session = await gateway.store.session(name)
    text = (await meant_of(gateway.loaded.paths, session, wanted.text)).text
    command = wanted.text if text != wanted.text else ""
    await gateway.store.append(TurnEdited(sid=session.id, turn=turn_id, text=text, command=command))
    return Ok()


async def _running(gateway: Gateway, name: str, wanted: str, instead: str) -> tuple[str, str]:
    """(session, its running turn). Raises Refused: none runs, or another one than was meant."""
    session = await gateway.store.session(name)
    if not session.activeTurn:
        raise Refused(f"s-{session.id} has no running turn. {instead}.", code=ErrorCode.conflict)
    if wanted and wanted != session.activeTurn:
        raise Refused(f"{wanted[:20]} is not the running turn of s-{session.id}; that is {session.activeTurn}.", code=ErrorCode.conflict)
    return session.id, session.activeTurn
