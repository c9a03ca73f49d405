"""Sessions: list, create, look at, change, throw away, export."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy.layers import Sources
from opta_core.policy.workspaces import HOME_WARNING, is_whole_home, not_a_workspace
from opta_protocol import wire
from opta_protocol.errors import ErrorCode
from opta_protocol.events import SessionCleared, SessionNote, SessionStart, SessionUpdated
from opta_protocol.http import (
    AddNote,
    CreateSession,
    Empty,
    EventPage,
    Ok,
    Repair,
    RepairSessionRequest,
    Session,
    SessionList,
    UpdateSession,
)
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, default_level

from ..export import as_markdown, as_text
from ..rest import answer, describes, gateway_of, read_body
from ..stream import read_seq

LIMIT_MAX = 1000
WAIT_MS_MAX = 30_000

router = APIRouter()


@router.get("/v3/sessions", openapi_extra=describes(SessionList))
async def list_sessions(request: Request) -> Response:
    """Sessions, last active first."""
    query = request.query_params
    state = query.get("state", "")
    if state not in ("", "idle", "running", "waiting", "paused", "failed"):
        raise Refused(f"state is {state[:40]!r}; it is one of idle, running, waiting, paused, failed.")
    limit = read_number(query.get("limit", "50"), "limit", LIMIT_MAX)
    return answer(
        await gateway_of(request).backend.store.sessions(query.get("q", "")[:200], state, max(1, limit), query.get("cursor", "")[:20])
    )


@router.post("/v3/sessions", openapi_extra=describes(Session, CreateSession, 201), status_code=201)
async def create_session(request: Request) -> Response:
    """A new session in a folder that exists."""
    wanted = await read_body(request, CreateSession)
    sid = new_session_id()
    paths = gateway_of(request).loaded.paths
    cwd = _folder(wanted.cwd) if wanted.cwd else _private_folder(paths, sid)
    if problem := not_a_workspace(cwd, Path.home(), paths.home):
        raise Refused(f"cwd is {cwd[:200]!r}, which is no folder to work in: {problem}. Name a project's folder, or none for an empty one.")
    is_home = is_whole_home(cwd, Path.home())
    backend = gateway_of(request).backend
    start = SessionStart(
        sid=sid,
        title=wanted.title,
        cwd=cwd,
        mode=wanted.mode,
        level=Level.L1 if is_home else wanted.level or default_level(wanted.mode),
        model=wanted.model,
        policy=wanted.policy,
        interactive=wanted.interactive,
        folder=_identity(cwd),
        trusted=(await asyncio.to_thread(Sources(gateway_of(request).loaded.paths).layers, cwd)).trust == "trusted",
        sandbox=str(backend.figures("tools").get("sandbox", "none")),
    )
    await backend.append(start)
    if is_home:
        await backend.append(SessionNote(sid=sid, text=HOME_WARNING))
    return answer(await backend.session(sid), 201)


@router.get("/v3/sessions/{name}", openapi_extra=describes(Session))
async def get_session(request: Request, name: str) -> Response:
    """One session; with `?atSeq=` also its transcript as of that seq."""
    backend = gateway_of(request).backend
    session = await backend.session(name)
    if "atSeq" not in request.query_params:
        return answer(session)
    seq = read_seq(request.query_params["atSeq"])
    transcript = await backend.transcript(session.id, seq)
    return answer({**msgspec.to_builtins(session), "transcript": msgspec.to_builtins(transcript)})


@router.patch("/v3/sessions/{name}", openapi_extra=describes(Session, UpdateSession))
async def update_session(request: Request, name: str) -> Response:
    """Rename, pin, archive, or set model, mode and level for later turns."""
    backend = gateway_of(request).backend
    session = await backend.session(name)
    changes: dict[str, Any] = {
        key: value for key, value in msgspec.to_builtins(await read_body(request, UpdateSession)).items() if value is not None
    }
    if changes:
        await backend.append(SessionUpdated(sid=session.id, changes=changes))
    return answer(await backend.session(session.id))


@router.delete("/v3/sessions/{name}", openapi_extra=describes(Ok))
async def delete_session(request: Request, name: str) -> Response:
    """To the trash, or with `?to=archive` to the archive; from both it can be put back."""
    where = request.query_params.get("to", "trash")
    if where not in ("trash", "archive"):
        raise Refused(f"to is {where[:40]!r}; it is trash or archive.")
    backend = gateway_of(request).backend
    session = await backend.session(name)
    if session.activeTurn:
        raise Refused(f"s-{session.id} has a running turn. Stop it first.", code=ErrorCode.conflict)
    await backend.append(SessionUpdated(sid=session.id, changes={"trashed": True} if where == "trash" else {"pruned": True}))
    return answer(Ok())


@router.get("/v3/sessions/{name}/events", openapi_extra=describes(EventPage))
async def get_events(request: Request, name: str) -> Response:
    """A page of events after a seq; `wait_ms` waits for the first."""
    backend = gateway_of(request).backend
    query = request.query_params
    after = read_seq(query.get("afterSeq", ""))
    limit = read_number(query.get("limit", "1000"), "limit", 5000)
    wait_ms = read_number(query.get("wait_ms", "0"), "wait_ms", WAIT_MS_MAX)
    session = await backend.session(name)
    lines = await backend.store.after(session.id, after, max(1, limit))
    last = session.lastSeq
    if not lines and wait_ms:
        ring = await backend.ring(session)
        ring.users += 1
        try:
            if await ring.beyond(after, wait_ms / 1000):
                lines, last = await ring.after(after, max(1, limit)), ring.last_seq
        finally:
            ring.users -= 1
    if lines:
        last = max(last, wire.read_header(lines[-1]).seq)
    return answer(EventPage(events=[msgspec.Raw(line) for line in lines], lastSeq=last))


@router.post("/v3/sessions/{name}/clear", openapi_extra=describes(Ok))
async def clear_session(request: Request, name: str) -> Response:
    """Start the context anew; the history stays in the journal."""
    backend = gateway_of(request).backend
    await read_body(request, Empty)
    session = await backend.session(name)
    await backend.append(SessionCleared(sid=session.id, upTo=session.lastSeq))
    return answer(Ok())


@router.post("/v3/sessions/{name}/note", openapi_extra=describes(Ok, AddNote))
async def add_note(request: Request, name: str) -> Response:
    """A note for people."""
    note = await read_body(request, AddNote)
    backend = gateway_of(request).backend
    session = await backend.session(name)
    await backend.append(SessionNote(sid=session.id, text=note.text, kind=note.kind))
    return answer(Ok())


@router.post("/v3/sessions/{name}/repair", openapi_extra=describes(Repair, RepairSessionRequest))
async def repair_session(request: Request, name: str) -> Response:
    """What a repair of a damaged journal keeps and drops; with `apply` it is done, and a copy of the damaged file is kept."""
    wanted = await read_body(request, RepairSessionRequest)
    backend = gateway_of(request).backend
    session = await backend.session(name)
    return answer(await backend.store.repair(session.id, is_wanted=wanted.apply))


@router.get("/v3/sessions/{name}/export")
async def export_session(request: Request, name: str) -> Response:
    """The whole session as JSON (events), Markdown or plain text."""
    form = request.query_params.get("format", "markdown")
    session = await gateway_of(request).backend.session(name)
    if form == "json":
        lines = await gateway_of(request).backend.store.all_after(session.id, 0)
        return Response(b'{"session":%b,"events":[%b]}' % (msgspec.json.encode(session), b",".join(lines)), media_type="application/json")
    transcript = await gateway_of(request).backend.transcript(session.id, session.lastSeq)
    if form == "markdown":
        return Response(as_markdown(transcript, session), media_type="text/markdown")
    if form == "text":
        return Response(as_text(transcript, session), media_type="text/plain")
    raise Refused(f"format is {form[:40]!r}; it is one of markdown, json, text.")


@router.get("/v3/sessions/{name}/tools")
async def get_tools(request: Request, name: str) -> Response:
    """Every tool call of the session with its result."""
    session = await gateway_of(request).backend.session(name)
    transcript = await gateway_of(request).backend.transcript(session.id, session.lastSeq)
    calls = [{"turn": turn.id, **msgspec.to_builtins(call)} for turn in transcript.turns for step in turn.steps for call in step.calls]
    return answer({"tools": calls})


def read_number(text: str, name: str, most: int) -> int:
    """A number from a query. Raises Refused."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(f"{name} is {text[:40]!r}, but it is a whole number from 0.", code=ErrorCode.bad_request)
    return min(int(text), most)


def _folder(text: str) -> str:
    if "\0" in text:
        raise Refused("cwd holds a NUL character.")
    try:
        folder = Path(text).expanduser()
    except RuntimeError:
        raise Refused(f"cwd is {text[:200]!r}, but there is no such user.") from None
    if not folder.is_absolute():
        raise Refused(f"cwd is {text[:200]!r}, but it has to be an absolute path.")
    try:
        if not folder.is_dir():
            raise Refused(f"cwd is {text[:200]!r}, but there is no such folder.")
        return str(folder.resolve())
    except OSError as error:
        raise Refused(f"cwd is {text[:200]!r}: {error.strerror}.") from error


def _private_folder(paths: Paths, sid: str) -> str:
    """An empty folder for a session that has none."""
    folder = paths.workspaces / sid
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Refused(f"A folder for this session cannot be made: {folder}: {error.strerror}.", code=ErrorCode.storage_full) from error
    return str(folder.resolve())


def _identity(folder: str) -> str:
    try:
        found = Path(folder).stat()
    except OSError as error:
        raise Refused(f"cwd is {folder[:200]!r}: {error.strerror}.") from error
    return f"{found.st_dev}:{found.st_ino}"
