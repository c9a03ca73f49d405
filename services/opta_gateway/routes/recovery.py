"""Recovery: the failing prompt once more with a smaller context, and the evidence of a session as one file."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
from fastapi.responses import Response

from opta_core.clock import now_s, utc_now
from opta_core.errors import OptaError, Refused
from opta_core.secrets.vault import Vault
from opta_core.transcript import Transcript, Turn
from opta_core.triage.conclusion import conclude
from opta_core.triage.evidence_bundle import EVENTS_MAX, LOG_BYTES_MAX, evidence_zip
from opta_core.triage.replay import replay_result
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import SessionCleared, SessionUpdated, TurnStart
from opta_protocol.http_triage import DiagnoseRequest, EvidenceRequest, Replay, ReplayRequest
from opta_protocol.ids import derived_session_id, new_session_id
from opta_protocol.permissions import Level

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf, body
from ..known_secrets import redactor_of
from ..triage_look import gather_evidence
from .turns import IdempotencyKey

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/replay")
async def replay_turn(gateway: GatewayOf, name: str, key: IdempotencyKey, wanted: ReplayRequest = body(ReplayRequest)) -> Replay:
    """Ask a turn's prompt again, in a new session whose context begins with it, and conclude what the cause was. The old session stays.

    It goes to the same model or fails, and every call that changes something asks. The same Idempotency-Key waits for the same replay.
    """
    session = await gateway.store.session(name)
    transcript = await gateway.store.transcript(session.id)
    turn = _failed_turn(transcript, wanted.turnId)
    new = derived_session_id(f"replay {session.id} {key}") if key else new_session_id()
    gateway.worker.fork_files(session.id, new)
    made = await gateway.store.queries.fork(session.id, new, turn.id, is_before=True)
    if len((await gateway.store.transcript(made.id)).turns) == transcript.turns.index(turn):
        await gateway.store.append(SessionCleared(sid=made.id, upTo=made.lastSeq))
        await gateway.store.append(SessionUpdated(sid=made.id, changes={"title": f"Replay of {turn.id}: {session.title}"[:200]}))
    accepted = await gateway.store.append(_same_prompt(transcript, turn, made.id, wanted, key))
    await _until_ended(gateway, made.id, accepted.turn, wanted.waitS)
    made = await gateway.store.session(made.id)
    again = (await gateway.store.transcript(made.id)).turn(accepted.turn)
    assert again is not None
    result = replay_result(turn, again, turn.contextUsed)
    return Replay(session=made, turnId=accepted.turn, state=result.state, cause=result.cause, text=result.text)


@routes.post("/v3/sessions/{name}/evidence", responses={200: {"content": {"application/zip": {}}}})
async def make_evidence(gateway: GatewayOf, vault: VaultOf, name: str, wanted: EvidenceRequest = body(EvidenceRequest)) -> Response:
    """One zip to give away: the diagnosis, the last events and tool call, figures, logs and settings, with secrets masked."""
    session = await gateway.store.session(name)
    evidence = await gather_evidence(gateway, vault, DiagnoseRequest(session=session.id, probe=False))
    lines = await gateway.store.queries.after(session.id, max(0, session.lastSeq - EVENTS_MAX), EVENTS_MAX)
    documents = {
        "diagnosis": conclude(evidence, utc_now()),
        "session": session if wanted.content else msgspec.structs.replace(session, title=f"[{len(session.title)} characters]"),
        "health": gateway.health(is_authenticated=True),
        "metrics": await _metrics(gateway),
    }
    content = await asyncio.to_thread(_bundle, gateway, vault, documents, lines, has_words=wanted.content)
    headers = {"Content-Disposition": f'attachment; filename="opta-evidence-{session.id}.zip"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/zip", headers=headers)


def _failed_turn(transcript: Transcript, wanted: str) -> Turn:
    """The turn to replay. Raises Refused: there is none."""
    ended = [turn for turn in transcript.turns if turn.endedAt and not turn.compact]
    failed = [turn for turn in ended if turn.state == "error" or (turn.stats or {}).get("finish", "stop") != "stop"]
    turn = next((turn for turn in ended if turn.id == wanted), None) if wanted else failed[-1] if failed else None
    if turn is None:
        what = f"There is no turn {wanted[:20]!r} that has ended" if wanted else "No turn has failed"
        raise Refused(f"{what} in s-{transcript.sid}.", code=ErrorCode.not_found if wanted else ErrorCode.conflict)
    return turn


def _same_prompt(transcript: Transcript, turn: Turn, sid: str, wanted: ReplayRequest, key: str) -> TurnStart:
    # A turn that resumed others has no words but theirs.
    source = turn
    while source.resumes and not source.text.strip() and (former := transcript.turn(source.resumes)):
        source = former
    return TurnStart(
        sid=sid,
        role="user",
        text=source.text,
        mode=turn.mode,
        level=min(turn.level, Level.L2),
        model=turn.model,
        command=source.command,
        attachments=source.attachments,
        probe=True,
        key=f"replay {key}" if key else "",
        body=hashlib.sha256(f"{turn.id} {sid}".encode()).hexdigest()[:16],
    )


async def _until_ended(gateway: Gateway, sid: str, turn: str, wait_s: float) -> None:
    """Wait until a turn has ended, at most `wait_s`."""
    ring = await gateway.store.ring(await gateway.store.session(sid))
    ring.users += 1
    deadline = now_s() + wait_s
    try:
        while (left_s := deadline - now_s()) > 0:
            found = (await gateway.store.transcript(sid)).turn(turn)
            if found is None or found.endedAt:
                return
            await ring.beyond(ring.last_seq, min(left_s, 1.0))
    finally:
        ring.users -= 1


async def _metrics(gateway: Gateway) -> Any:
    try:
        return await gateway.measure()
    except OptaError as error:
        return error.info()


def _bundle(gateway: Gateway, vault: Vault, documents: dict[str, Any], lines: list[bytes], *, has_words: bool) -> bytes:
    paths = gateway.loaded.paths
    logs = {file.stem: _end_of(file) for file in sorted(paths.logs.glob("*.log"))}
    config = paths.config.read_text(errors="replace") if paths.config.exists() else ""
    return evidence_zip(
        redactor_of(gateway, vault),
        documents,
        events=[msgspec.json.decode(line) for line in lines],
        logs=logs,
        config=config,
        has_words=has_words,
    )


def _end_of(file: Path) -> str:
    try:
        with open(file, "rb") as handle:
            handle.seek(max(0, file.stat().st_size - LOG_BYTES_MAX))
            return handle.read().decode(errors="replace")
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}"
