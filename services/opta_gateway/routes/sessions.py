"""Sessions: list, create, look at, change, delete, export."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy.layers import Sources
from opta_core.policy.workspaces import HOME_WARNING, is_whole_home, not_a_workspace
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
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
    SessionDetails,
    SessionList,
    UpdateSession,
)
from opta_protocol.http_context import SessionContext
from opta_protocol.http_lists import ToolCalls
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, default_level
from opta_protocol.worktree import Worktree

from ..endpoint import GatewayOf, TypedRouter, VaultOf, body, choice, flag, number, seq, text
from ..export import as_markdown, as_text
from ..export_html import as_html
from ..export_timing import timing_of
from ..known_secrets import redactor_of
from ..worktree_sessions import made_worktree, released_worktree

LIST_MAX, PAGE_MAX = 1000, 5000
LEFT_SHOWN = 10
WAIT_MS_MAX = 30_000
_EXPORTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {}, "text/plain": {}, "text/html": {}, "application/json": {}}}
}
# A browser keeps it and does not show it under the daemon's address.
_ATTACHED = {"Content-Disposition": "attachment"}

routes = TypedRouter()


class _Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The folder of a new session. `identity` is its device and inode."""

    cwd: str
    identity: str
    is_home: bool
    is_trusted: bool


@routes.get("/v3/sessions")
async def list_sessions(
    gateway: GatewayOf,
    q: str = text("q"),
    state: str = choice("state", "", "", "idle", "running", "waiting", "paused", "failed"),
    limit: int = number("limit", 50, LIST_MAX),
    cursor: str = text("cursor", chars_max=20),
    children: bool = flag("children"),
    parent: str = text("parent", chars_max=20),
    archived: str = choice("archived", "", "", "0", "1"),
    pinned: bool = flag("pinned"),
) -> SessionList:
    """Sessions, last active first. Sub-agents are left out; `children=1` lists them, too, and `parent` only those of that session.

    `archived=1` lists only sessions that are marked as archived, `archived=0` only the others; `pinned=1` only the pinned ones.
    """
    of = (await gateway.store.session(parent)).id if parent else ""
    return await gateway.store.queries.sessions(
        q, state, max(1, limit), cursor, children=children, parent=of, archived=archived == "1" if archived else None, pinned=pinned
    )


@routes.post("/v3/sessions", status_code=201)
async def create_session(gateway: GatewayOf, wanted: CreateSession = body(CreateSession)) -> Session:
    """A new session in a folder that exists, or in an empty one of its own."""
    sid = new_session_id()
    workspace = await asyncio.to_thread(_workspace, gateway.loaded.paths, sid, wanted.cwd)
    worktree: Worktree | None = None
    if wanted.worktree:
        if not wanted.cwd:
            raise Refused("A worktree needs a repository: name a folder in it as cwd.")
        words = wanted.worktreeName or wanted.title
        worktree, cwd = await made_worktree(gateway, sid, workspace.cwd, words, carry=wanted.carry)
        workspace = await asyncio.to_thread(_workspace, gateway.loaded.paths, sid, cwd)
    await gateway.store.append(
        SessionStart(
            sid=sid,
            title=wanted.title,
            cwd=workspace.cwd,
            mode=wanted.mode,
            level=Level.L1 if workspace.is_home else wanted.level or default_level(wanted.mode),
            model=wanted.model,
            policy=wanted.policy,
            interactive=wanted.interactive,
            folder=workspace.identity,
            trusted=workspace.is_trusted,
            sandbox=gateway.telemetry.sandbox,
            worktree=worktree,
        )
    )
    if worktree is not None and worktree.left:
        await gateway.store.append(SessionNote(sid=sid, text=_left(worktree)))
    if workspace.is_home:
        await gateway.store.append(SessionNote(sid=sid, text=HOME_WARNING))
    return await gateway.store.session(sid)


@routes.get("/v3/sessions/{name}")
async def get_session(gateway: GatewayOf, name: str, at_seq: int | None = seq("atSeq")) -> Session | SessionDetails:
    """One session; with `?atSeq=` also its transcript as of that seq."""
    session = await gateway.store.session(name)
    if at_seq is None:
        return session
    transcript = await gateway.store.transcript(session.id, at_seq)
    return SessionDetails(**msgspec.structs.asdict(session), transcript=msgspec.Raw(msgspec.json.encode(transcript)))


@routes.get("/v3/sessions/{name}/context")
async def session_context(gateway: GatewayOf, name: str) -> SessionContext:
    """What the model sees: the request of the running turn, or what the next one begins with, part by part."""
    session = await gateway.store.session(name)
    return await gateway.agent.context(session.id, session.lastSeq)


@routes.patch("/v3/sessions/{name}")
async def update_session(gateway: GatewayOf, name: str, wanted: UpdateSession = body(UpdateSession)) -> Session:
    """Rename, pin, archive, or set model, mode and level for later turns."""
    session = await gateway.store.session(name)
    changes = {key: value for key, value in msgspec.to_builtins(wanted).items() if value is not None}
    if changes:
        await gateway.store.append(SessionUpdated(sid=session.id, changes=changes))
    return await gateway.store.session(session.id)


@routes.delete("/v3/sessions/{name}")
async def delete_session(gateway: GatewayOf, name: str, to: str = choice("to", "trash", "trash", "archive")) -> Ok:
    """Move a session with its sub-agents to the trash, or with `?to=archive` to the archive; from both it can be restored."""
    session = await gateway.store.session(name)
    children = (await gateway.store.queries.sessions(limit=LIST_MAX, parent=session.id)).sessions
    for each in (session, *children):
        if each.activeTurn:
            what = "" if each is session else f", a sub-agent of s-{session.id},"
            raise Refused(f"s-{each.id}{what} has a running turn. Stop it first.", code=ErrorCode.conflict)
    await released_worktree(gateway, session)
    # The sub-agents first: what is left after an interruption is still listed, and can be deleted again.
    for each in (*children, session):
        await gateway.store.append(SessionUpdated(sid=each.id, changes={"trashed": True} if to == "trash" else {"pruned": True}))
        gateway.worker.end_session(each.id)
    return Ok()


@routes.get("/v3/sessions/{name}/events")
async def get_events(
    gateway: GatewayOf,
    name: str,
    after_seq: int | None = seq("afterSeq"),
    limit: int = number("limit", 1000, PAGE_MAX),
    wait_ms: int = number("wait_ms", 0, WAIT_MS_MAX),
) -> EventPage:
    """A page of events after a seq; `wait_ms` waits for the first."""
    store, after = gateway.store, after_seq or 0
    session = await store.session(name)
    lines = await store.queries.after(session.id, after, max(1, limit))
    last = session.lastSeq
    if not lines and wait_ms:
        ring = await store.ring(session)
        ring.users += 1
        try:
            if await ring.beyond(after, wait_ms / 1000):
                lines, last = await ring.after(after, max(1, limit)), ring.last_seq
        finally:
            ring.users -= 1
    if lines:
        last = max(last, wire.read_header(lines[-1]).seq)
    return EventPage(events=[msgspec.Raw(line) for line in lines], lastSeq=last)


@routes.post("/v3/sessions/{name}/clear")
async def clear_session(gateway: GatewayOf, name: str, _: Empty = body(Empty)) -> Ok:
    """Start with an empty context; the history stays in the journal."""
    session = await gateway.store.session(name)
    await gateway.store.append(SessionCleared(sid=session.id, upTo=session.lastSeq))
    return Ok()


@routes.post("/v3/sessions/{name}/note")
async def add_note(gateway: GatewayOf, name: str, note: AddNote = body(AddNote)) -> Ok:
    """A note for people."""
    session = await gateway.store.session(name)
    await gateway.store.append(SessionNote(sid=session.id, text=note.text, kind=note.kind))
    return Ok()


@routes.post("/v3/sessions/{name}/repair")
async def repair_session(gateway: GatewayOf, name: str, wanted: RepairSessionRequest = body(RepairSessionRequest)) -> Repair:
    """What a repair of a damaged journal keeps and drops. With `apply` it is done, and a copy of the damaged file is kept."""
    session = await gateway.store.session(name)
    return await gateway.store.queries.repair(session.id, is_wanted=wanted.apply)


@routes.get("/v3/sessions/{name}/export", responses=_EXPORTS)
async def export_session(
    gateway: GatewayOf, vault: VaultOf, name: str, form: str = choice("format", "markdown", "markdown", "json", "text", "html")
) -> Response:
    """The whole session as JSON (events), Markdown, plain text, or one HTML file that loads nothing, plays itself back, and has no secrets."""
    session = await gateway.store.session(name)
    if form == "json":
        lines = await gateway.store.queries.all_after(session.id, 0)
        return Response(b'{"session":%b,"events":[%b]}' % (msgspec.json.encode(session), b",".join(lines)), media_type="application/json")
    transcript = await gateway.store.transcript(session.id, session.lastSeq)
    if form == "html":
        redactor = await asyncio.to_thread(redactor_of, gateway, vault)
        lines = await gateway.store.queries.all_after(session.id, 0)
        timing = await asyncio.to_thread(timing_of, lines[: session.lastSeq])
        document = await asyncio.to_thread(as_html, transcript, session, redactor.text, timing)
        return Response(document, media_type="text/html", headers=_ATTACHED)
    if form == "text":
        return Response(as_text(transcript, session), media_type="text/plain")
    return Response(as_markdown(transcript, session), media_type="text/markdown")


@routes.get("/v3/sessions/{name}/tools")
async def get_tools(gateway: GatewayOf, name: str) -> ToolCalls:
    """Every tool call of the session with its result."""
    session = await gateway.store.session(name)
    transcript = await gateway.store.transcript(session.id, session.lastSeq)
    calls = [{"turn": turn.id, **msgspec.to_builtins(call)} for turn in transcript.turns for step in turn.steps for call in step.calls]
    return ToolCalls(tools=calls)


def _workspace(paths: Paths, sid: str, wanted: str) -> _Workspace:
    """The folder that a session works in. Raises Refused."""
    cwd = _folder(wanted) if wanted else _private_folder(paths, sid)
    if problem := not_a_workspace(cwd, Path.home().resolve(), (paths.home.resolve(),)):
        raise Refused(f"{problem}. Name a project's folder as cwd, or none for an empty folder.")
    is_trusted = Sources(paths).layers(cwd).trust == "trusted"
    return _Workspace(cwd=cwd, identity=_identity(cwd), is_home=is_whole_home(cwd, Path.home()), is_trusted=is_trusted)


def _left(worktree: Worktree) -> str:
    """What a worktree has not, for people."""
    shown = ", ".join(worktree.left[:LEFT_SHOWN])
    more = f" and {len(worktree.left) - LEFT_SHOWN} more" if len(worktree.left) > LEFT_SHOWN else ""
    return f"The worktree begins with the last commit. Uncommitted changes of {worktree.repository} are not in it: {shown}{more}."


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
