"""The triage: a diagnosis in five steps, and the fix that it names."""

import asyncio
from functools import partial

from fastapi import BackgroundTasks

from opta_core.clock import now_s, utc_now
from opta_core.errors import OptaError, Refused
from opta_core.logs import Log
from opta_core.secrets.vault import Vault
from opta_core.triage.conclusion import conclude, post_mortem
from opta_core.triage.disposable import delete_disposable
from opta_core.triage.service_fixes import restart_service, start_service
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import SessionNote, TurnPausing
from opta_protocol.http import LoadModel, StopTurn, UnloadModel
from opta_protocol.http_control import ResumeTurn
from opta_protocol.http_triage import DiagnoseRequest, Diagnosis, FixDone, FixRequest

from ..app import Gateway
from ..endpoint import GatewayOf, TypedRouter, VaultOf, body
from ..triage_look import gather_evidence
from . import lmx, turns

READY_S = 10.0
# Kept in memory, for the note that is written with the fix.
DIAGNOSES_MAX = 32
CONTAINED_MAX, CONTAIN_S, NOTE_S = 200, 3.0, 3.0
POST_MORTEM = "post-mortem"

routes = TypedRouter()
log = Log("gateway")


@routes.post("/v3/diagnose")
async def diagnose(gateway: GatewayOf, vault: VaultOf, wanted: DiagnoseRequest = body(DiagnoseRequest)) -> Diagnosis:
    """The five steps in order, each with its evidence, and the failure domain with its fix; within ten seconds, whatever is dead."""
    began = now_s()
    contained = await _contain(gateway, wanted.session) if wanted.contain else []
    evidence = await gather_evidence(gateway, vault, wanted)
    diagnosis = conclude(evidence, utc_now(), (now_s() - began) * 1000, contained)
    gateway.diagnoses[evidence.session] = diagnosis
    gateway.diagnoses.move_to_end(evidence.session)
    while len(gateway.diagnoses) > DIAGNOSES_MAX:
        gateway.diagnoses.popitem(last=False)
    if wanted.note and evidence.session:
        await _write_note(gateway, evidence.session, post_mortem(diagnosis))
    log.info("diagnosed", healthy=diagnosis.healthy, cause=diagnosis.findings[0].cause if diagnosis.findings else "none")
    return diagnosis


@routes.post("/v3/diagnose/fix")
async def fix(gateway: GatewayOf, vault: VaultOf, background: BackgroundTasks, wanted: FixRequest = body(FixRequest)) -> FixDone:
    """Make the fix of a diagnosis. Whether it helped, the next diagnosis says. Restarting the gateway ends this connection after the answer."""
    done = await _make(gateway, vault, background, wanted)
    log.info("fixed", kind=wanted.kind, target=wanted.target or "none")
    if wanted.session:
        known = gateway.diagnoses.get(wanted.session)
        await _write_note(gateway, wanted.session, post_mortem(known, done) if known is not None else f"Fix: {done}")
    return FixDone(done=done)


async def _write_note(gateway: Gateway, name: str, text: str) -> None:
    """Write a post-mortem. What was found and done is worth more than the note: a store that takes none is only logged."""
    try:
        session = await gateway.store.queries.session(name, NOTE_S)
        await gateway.store.append(SessionNote(sid=session.id, text=text, kind=POST_MORTEM), NOTE_S)
    except OptaError as error:
        log.warning("post-mortem not written", reason=error.message)


async def _make(gateway: Gateway, vault: Vault, background: BackgroundTasks, wanted: FixRequest) -> str:
    paths, target = gateway.loaded.paths, wanted.target
    match wanted.kind:
        case "restart_service" if target == "gateway":
            background.add_task(_restart_this_process, partial(restart_service, paths, target, waits=False))
            return "The gateway is being restarted."
        case "restart_service":
            return await asyncio.to_thread(restart_service, paths, target) + await _until_ready(gateway, target)
        case "start_service":
            return await asyncio.to_thread(start_service, paths, target) + await _until_ready(gateway, target)
        case "load_model":
            try:
                await lmx.unload(gateway, vault, UnloadModel(model=target))
            except OptaError as error:
                # What is not loaded need not be unloaded.
                log.info("not unloaded", model=target, reason=error.message)
            await lmx.load(gateway, vault, LoadModel(model=target))
            return f"{target} is loaded."
        case "unload_model":
            await lmx.unload(gateway, vault, UnloadModel(model=target))
            return f"{target} is unloaded."
        case "free_space":
            done = await gateway.change(delete_disposable, paths)
            await _until_writable(gateway)
            return done
        case "compact_session" | "resume_turn" | "stop_turn":
            return await _about_turn(gateway, wanted)
        case _:
            raise Refused(f"{wanted.kind} is not for the daemon to do: the diagnosis says what to do.", code=ErrorCode.conflict)


async def _until_ready(gateway: Gateway, service: str) -> str:
    """Wait until a service that was started reports that it is ready. Returns '' then, else that it is not."""
    before = gateway.telemetry.report(service)
    deadline = now_s() + READY_S
    while now_s() < deadline:
        report = gateway.telemetry.report(service)
        if report is not None and report.ready and (before is None or report.boot != before.boot or report is not before):
            return ""
        await asyncio.sleep(0.05)
    return f" It is not ready after {READY_S:g} s; its log says why: opta daemon logs {service}"


async def _until_writable(gateway: Gateway) -> None:
    """Wait until the session store has noticed that the disk takes writes again; the next diagnosis says so if it has not."""
    deadline = now_s() + READY_S
    while (report := gateway.telemetry.report("sessions")) is None or not report.ready:
        if now_s() > deadline:
            return
        await asyncio.sleep(0.05)


async def _about_turn(gateway: Gateway, wanted: FixRequest) -> str:
    if not wanted.session:
        raise Refused(f"Field 'session': {wanted.kind} is about a session.")
    match wanted.kind:
        case "compact_session":
            accepted = await turns.compact_session(gateway, wanted.session, "")
            return f"{accepted.turnId} compacts the context."
        case "resume_turn":
            accepted = await turns.resume_turn(gateway, wanted.session, "", ResumeTurn(turnId=wanted.target))
            return f"{accepted.turnId} goes on."
        case _:
            stopped = await turns.stop_turn(gateway, wanted.session, StopTurn(turnId=wanted.target))
            return f"{stopped.turnId or 'Nothing'} was stopped."


async def _restart_this_process(restart: "partial[str]") -> None:
    """Runs as a part of the request, after its answer was sent."""
    try:
        await asyncio.to_thread(restart)
    except OptaError as error:
        log.error("gateway not restarted", reason=error.message)


async def _contain(gateway: Gateway, but: str) -> list[str]:
    """Pause the running turns of all other sessions before their next step. Returns those sessions; what cannot be paused is left out."""
    try:
        meant = (await gateway.store.queries.session(but, CONTAIN_S)).id if but else ""
        found = await gateway.store.queries.sessions(state="running", limit=CONTAINED_MAX, timeout_s=CONTAIN_S)
    except OptaError as error:
        if not error.retryable:
            raise
        return []
    others = [session for session in found.sessions if session.id != meant and session.activeTurn]
    return [sid for sid in await asyncio.gather(*(_pause(gateway, each.id, each.activeTurn) for each in others)) if sid]


async def _pause(gateway: Gateway, sid: str, turn: str) -> str:
    try:
        await gateway.store.append(TurnPausing(sid=sid, turn=turn, by="diagnose"), CONTAIN_S)
    except OptaError:
        return ""  # it has ended meanwhile
    return sid
