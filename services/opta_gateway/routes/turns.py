"""Turns: submit, resume, stop."""

import asyncio
import hashlib
from typing import Annotated

import msgspec
from fastapi import Depends

from opta_core import custom_commands
from opta_core.attachments import AttachmentFolder
from opta_core.errors import OptaError, Refused
from opta_core.paths import Paths
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import TurnResumed, TurnStart, TurnStopping
from opta_protocol.http import Session, StopAnswer, StopTurn, SubmitTurn, TurnAccepted
from opta_protocol.http_control import ResumeTurn
from opta_protocol.permissions import Mode, default_level

from ..accepted_plan import prompt_from
from ..app import Gateway
from ..asked_turn import resumed, with_asked
from ..endpoint import GatewayOf, Parameter, TypedRouter, body, flag

KEY_CHARS_MAX = 200
# Of all files of one turn.
ATTACHED_BYTES_MAX = 20 * 1024 * 1024


def _key_of(given: str) -> str:
    if len(given) > KEY_CHARS_MAX:
        raise Refused(f"Idempotency-Key is longer than {KEY_CHARS_MAX} characters.", code=ErrorCode.bad_request)
    return given


IdempotencyKey = Annotated[
    str, Depends(Parameter("Idempotency-Key", "header", {"type": "string", "maxLength": KEY_CHARS_MAX}, _key_of, ""))
]

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/turns", status_code=202)
async def submit_turn(
    gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: SubmitTurn = body(SubmitTurn), if_idle: bool = flag("ifIdle")
) -> TurnAccepted:
    """Accept a prompt: it is on the disk before the answer. The same Idempotency-Key gets the same turn."""
    if not wanted.text.strip() and not wanted.fromPlan:
        raise Refused("Field 'text': it holds only white space.")
    if wanted.fromPlan and wanted.mode not in (None, Mode.do):
        raise Refused(f"Field 'mode': an accepted plan is carried out in mode do, not {wanted.mode}.")
    if wanted.attachments:
        await asyncio.to_thread(_check_attachments, gateway.loaded.paths, wanted.attachments)
    session = await (gateway.store.session(name) if if_idle else gateway.store.session_settings(name))
    if if_idle and session.activeTurn:
        raise Refused(f"s-{session.id} is busy with {session.activeTurn}.", code=ErrorCode.busy)
    meant = await _meant(gateway, session, wanted)
    mode = wanted.mode or meant.mode or session.mode
    level = wanted.level or (session.level if mode is session.mode else default_level(mode))
    if meant.is_of_project and not wanted.level:
        # A folder's file does not raise what may run without a question.
        level = min(level, session.level)
    digest = hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:16]
    result = await gateway.store.append(
        TurnStart(
            sid=session.id,
            role="user",
            text=meant.text,
            mode=mode,
            level=level,
            model=wanted.model or meant.model or session.model,
            command=wanted.text if meant.text != wanted.text and not wanted.fromPlan else "",
            attachments=wanted.attachments,
            key=key,
            body=digest,
            limits=wanted.limits.limits(),
            fromPlan=wanted.fromPlan,
        )
    )
    return TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued)


async def _meant(gateway: Gateway, session: Session, wanted: SubmitTurn) -> "Meant":
    if not wanted.fromPlan:
        return await meant_of(gateway.loaded.paths, session, wanted.text)
    return Meant(text=prompt_from(await gateway.store.transcript(session.id), wanted.fromPlan, wanted.text), mode=Mode.do)


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What a message asks for: its text, or that of the custom command that it calls, with the command's mode and model."""

    text: str
    mode: Mode | None = None
    model: str = ""
    is_of_project: bool = False


async def meant_of(paths: Paths, session: Session, text: str) -> Meant:
    """Raises Refused when there is no such command."""
    if not text.startswith("/"):
        return Meant(text=text)
    found = (await asyncio.to_thread(custom_commands.load, paths, session.cwd)).find(text)
    if found is None:
        return Meant(text=text)
    command, arguments = found
    mode = Mode(command.mode) if command.mode else None
    return Meant(text=command.expand(arguments), mode=mode, model=command.model, is_of_project=command.origin == "project")


def _check_attachments(paths: Paths, names: list[str]) -> None:
    """Raises Refused when one of them is not there, or when they are too large together."""
    folder, total = AttachmentFolder(paths.attachments), 0
    for name in names:
        if (size := folder.size(name)) < 0:
            raise Refused(f"Field 'attachments': there is no attachment {name[:100]!r}. Upload it first: POST /v3/attachments.")
        total += size
    if total > ATTACHED_BYTES_MAX:
        raise Refused(f"Field 'attachments': together they have {total} bytes; a turn takes {ATTACHED_BYTES_MAX}.")


@routes.post("/v3/sessions/{name}/resume", status_code=202)
async def resume_turn(gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: ResumeTurn = body(ResumeTurn)) -> TurnAccepted:
    """Go on with a paused turn; or continue the last turn where it was cut off, as a new turn that names the one it resumes."""
    session = await gateway.store.session(name)
    if session.activeTurn and wanted.turnId in ("", session.activeTurn):
        try:
            result = await gateway.store.append(TurnResumed(sid=session.id, turn=session.activeTurn, by="client", key=key))
            return TurnAccepted(turnId=session.activeTurn, seq=result.seq, queued=False)
        except OptaError as error:
            # It is not paused. With a key, it may be the turn that this very request made.
            if error.code != ErrorCode.conflict or not key:
                raise
    turn = wanted.turnId or session.resumable
    # With a key, the store may know this very request and answer with the turn that it made then.
    if not turn and not key:
        raise Refused(
            f"s-{session.id} has nothing to resume: its last turn ended well or is at work. Ask anew instead.", code=ErrorCode.conflict
        )
    digest = hashlib.sha256(b"resume " + msgspec.json.encode(wanted)).hexdigest()[:16]
    asked = await resumed(gateway.store, session, turn)
    result = await gateway.store.append(
        TurnStart(
            sid=session.id,
            role="user",
            text="\n\n".join(part for part in (*asked.unread, wanted.text) if part.strip()),
            mode=asked.mode,
            level=wanted.level or asked.level,
            model=wanted.model or asked.model,
            key=key,
            body=digest,
            resumes=turn or "the last turn",
            limits=with_asked(asked.limits, wanted.limits.limits()),
        )
    )
    return TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued)


@routes.post("/v3/sessions/{name}/compact", status_code=202)
async def compact_session(gateway: GatewayOf, name: str, key: IdempotencyKey) -> TurnAccepted:
    """Replace older turns by a summary in the model's context: a turn of its own, queued like any other."""
    session = await gateway.store.session(name)
    result = await gateway.store.append(
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
    return TurnAccepted(turnId=result.turn, seq=result.seq, queued=result.queued)


@routes.post("/v3/sessions/{name}/stop")
@routes.post("/v3/sessions/{name}/cancel")
async def stop_turn(gateway: GatewayOf, name: str, wanted: StopTurn = body(StopTurn)) -> StopAnswer:
    """Stop the running turn, or the one named; no error when nothing runs."""
    session = await gateway.store.session(name)
    turn = wanted.turnId or session.activeTurn
    if not turn:
        return StopAnswer()
    result = await gateway.store.outbox.written(TurnStopping(sid=session.id, turn=turn, by="client"), 10)
    return StopAnswer(turnId=turn if result.status == "written" else "")
