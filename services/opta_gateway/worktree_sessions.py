"""What the gateway does with the worktrees of sessions: has them made and ended, and says which sessions work in one."""

from opta_core.errors import Refused
from opta_protocol.commands import EndWorktree, MakeWorktree, ShowWorktree, WorktreeReply
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Session
from opta_protocol.http_worktree import EndWorktreeRequest
from opta_protocol.worktree import ENDED_STATES, Worktree

from .app import Gateway

PAGE = 1000


async def made_worktree(gateway: Gateway, sid: str, cwd: str, words: str, *, carry: bool) -> tuple[Worktree, str]:
    """A new worktree for a session, and the session's folder in it. Raises Refused, Unavailable."""
    reply = await _answer(gateway, MakeWorktree(id=0, sid=sid, cwd=cwd, name=words, carry=carry))
    if reply.worktree is None:
        raise _refused(reply)
    return reply.worktree, reply.cwd


async def ended_worktree(gateway: Gateway, session: Session, wanted: EndWorktreeRequest) -> WorktreeReply:
    """Merge, keep or drop the worktree of a session. Raises Refused: nothing was done, and why."""
    worktree = open_worktree(session)
    sharing = await sessions_in(gateway, worktree)
    busy = [each.id for each in sharing if each.activeTurn]
    if busy and wanted.action != "keep":
        raise Refused(f"s-{busy[0]} is at work in {worktree.path}. Stop it, or {wanted.action} when it has ended.", code=ErrorCode.busy)
    order = EndWorktree(
        id=0,
        sid=session.id,
        action=wanted.action,
        path=worktree.path,
        sids=[each.id for each in sharing],
        title=session.title,
        force=wanted.force,
        stay=wanted.stay,
        into=wanted.into,
    )
    reply = await _answer(gateway, order)
    if reply.problem:
        # Another client may have ended it meanwhile.
        open_worktree(await gateway.store.session(session.id))
        raise _refused(reply)
    return reply


async def shown_worktree(gateway: Gateway, session: Session) -> WorktreeReply:
    """What the worktree of a session holds. Raises Refused."""
    if session.worktree is None:
        raise _without(session)
    if session.worktree.state in ENDED_STATES:
        return WorktreeReply(id=0, worktree=session.worktree, isGone=True)
    reply = await _answer(gateway, ShowWorktree(id=0, path=session.worktree.path))
    if reply.problem:
        raise _refused(reply)
    return reply


async def released_worktree(gateway: Gateway, session: Session) -> None:
    """Before a session goes: drop its worktree if it holds nothing. Raises Refused: it holds work, and nobody has said what becomes of it."""
    worktree = session.worktree
    if worktree is None or worktree.state != "open" or len(await sessions_in(gateway, worktree)) > 1:
        return
    reply = await _answer(gateway, ShowWorktree(id=0, path=worktree.path))
    if reply.problem and reply.worktree is None:
        # Without a record of it there is nothing that could be ended.
        return
    try:
        await ended_worktree(gateway, session, EndWorktreeRequest(action="drop"))
    except Refused as error:
        if error.details.get("needsForce"):
            message = f"s-{session.id} has work in its worktree {worktree.path}. Merge, keep or drop it first: opta sessions worktree {session.id}"
            raise Refused(message, code=ErrorCode.conflict, details=error.details) from error
        raise


async def sessions_in(gateway: Gateway, worktree: Worktree) -> list[Session]:
    """The sessions that work in a worktree: the one it was made for, and its forks."""
    found: list[Session] = []
    cursor = ""
    while True:
        page = await gateway.store.queries.sessions("", "", PAGE, cursor)
        found += [session for session in page.sessions if session.worktree is not None and session.worktree.path == worktree.path]
        if not (cursor := page.nextCursor or ""):
            return found


def open_worktree(session: Session) -> Worktree:
    """The worktree of a session that can be ended. Raises Refused."""
    if session.worktree is None:
        raise _without(session)
    if session.worktree.state in ENDED_STATES:
        raise Refused(f"The worktree of s-{session.id} was {session.worktree.state} already.", code=ErrorCode.conflict)
    return session.worktree


async def _answer(gateway: Gateway, asked: MakeWorktree | EndWorktree | ShowWorktree) -> WorktreeReply:
    known = gateway.telemetry.report("tools")

    def is_lost() -> bool:
        now = gateway.telemetry.report("tools")
        return known is not None and now is not None and now.boot != known.boot

    return await gateway.worker.worktree(asked, is_lost)


def _without(session: Session) -> Refused:
    return Refused(f"s-{session.id} works in {session.cwd} itself, not in a worktree.", code=ErrorCode.conflict)


def _refused(reply: WorktreeReply) -> Refused:
    problem = (
        f"{reply.problem[:1].upper()}{reply.problem[1:].rstrip('.')}."
        if not reply.problem.startswith("/")
        else f"{reply.problem.rstrip('.')}."
    )
    details = {"needsForce": True} if reply.needsForce else {}
    return Refused(problem, code=ErrorCode.conflict, details={**details, **({"files": reply.paths} if reply.paths else {})})
