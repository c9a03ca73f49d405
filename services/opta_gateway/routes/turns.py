"""Turns: submit, resume, stop."""

import hashlib

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode
from opta_protocol.events import TurnStart, TurnStopping
from opta_protocol.http import ResumeTurn, StopAnswer, StopTurn, SubmitTurn, TurnAccepted
from opta_protocol.permissions import default_level

from ..rest import answer, describes, gateway_of, read_body

KEY_CHARS_MAX = 200

router = APIRouter()


@router.post("/v3/sessions/{name}/turns", openapi_extra=describes(TurnAccepted, SubmitTurn, 202), status_code=202)
async def submit_turn(request: Request, name: str) -> Response:
    """Accept a prompt: on the disk before the answer. The same Idempotency-Key gets the same turn."""
    wanted = await read_body(request, SubmitTurn)
    key = _key(request)
    if not wanted.text.strip():
        raise Refused("Field 'text': it holds only white space.")
    if wanted.attachments:
        raise Refused(f"Field 'attachments': there is no attachment {wanted.attachments[0]!r}.")
    backend = gateway_of(request).backend
    session = await backend.session(name)
    if request.query_params.get("ifIdle") == "1" and session.activeTurn:
        raise Refused(f"s-{session.id} is busy with {session.activeTurn}.", code=ErrorCode.busy)
    mode = wanted.mode or session.mode
    level = wanted.level or (session.level if mode is session.mode else default_level(mode))
    body = hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:16]
    result = await backend.append(
        TurnStart(
            sid=session.id, role="user", text=wanted.text, mode=mode, level=level, model=wanted.model or session.model, key=key, body=body
        )
    )
    return answer(TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued), 202)


@router.post("/v3/sessions/{name}/resume", openapi_extra=describes(TurnAccepted, ResumeTurn, 202), status_code=202)
async def resume_turn(request: Request, name: str) -> Response:
    """Go on with the last turn where it was cut off: a new turn that says which one it resumes."""
    wanted = await read_body(request, ResumeTurn)
    key = _key(request)
    backend = gateway_of(request).backend
    session = await backend.session(name)
    turn = wanted.turnId or session.resumable
    # With a key, the store may know this very request and answer with the turn that it made then.
    if not turn and not key:
        raise Refused(
            f"s-{session.id} has nothing to resume: its last turn ended well or is at work. Ask anew instead.", code=ErrorCode.conflict
        )
    body = hashlib.sha256(b"resume " + msgspec.json.encode(wanted)).hexdigest()[:16]
    result = await backend.append(
        TurnStart(
            sid=session.id,
            role="user",
            text="",
            mode=session.mode,
            level=wanted.level or session.level,
            model=wanted.model or session.model,
            key=key,
            body=body,
            resumes=turn or "the last turn",
        )
    )
    return answer(TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued), 202)


@router.post("/v3/sessions/{name}/compact", openapi_extra=describes(TurnAccepted, None, 202), status_code=202)
async def compact_session(request: Request, name: str) -> Response:
    """Have older turns give way to a summary in what the model reads: a turn of its own, queued like any other."""
    key = _key(request)
    backend = gateway_of(request).backend
    session = await backend.session(name)
    result = await backend.append(
        TurnStart(
            sid=session.id,
            role="user",
            text="",
            compact=True,
            mode=session.mode,
            level=session.level,
            model=session.model,
            key=key,
            body="compact",
        )
    )
    return answer(TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued), 202)


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if len(key) > KEY_CHARS_MAX:
        raise Refused(f"Idempotency-Key is longer than {KEY_CHARS_MAX} characters.", code=ErrorCode.bad_request)
    return key


@router.post("/v3/sessions/{name}/stop", openapi_extra=describes(StopAnswer, StopTurn))
@router.post("/v3/sessions/{name}/cancel", openapi_extra=describes(StopAnswer, StopTurn))
async def stop_turn(request: Request, name: str) -> Response:
    """Stop the running turn, or the one named; fine when nothing runs."""
    wanted = await read_body(request, StopTurn)
    backend = gateway_of(request).backend
    session = await backend.session(name)
    turn = wanted.turnId or session.activeTurn
    if not turn:
        return answer(StopAnswer())
    result = await backend.outbox.written(TurnStopping(sid=session.id, turn=turn, by="client"), 10)
    return answer(StopAnswer(turnId=turn if result.status == "written" else ""))
