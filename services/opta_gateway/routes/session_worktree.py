"""The worktree of a session: what it holds, and its end."""

from opta_protocol.http_worktree import EndWorktreeRequest, WorktreeEnded, WorktreeStatus

from ..endpoint import GatewayOf, TypedRouter, body
from ..worktree_sessions import ended_worktree, shown_worktree

routes = TypedRouter()


@routes.get("/v3/sessions/{name}/worktree")
async def show_worktree(gateway: GatewayOf, name: str) -> WorktreeStatus:
    """The session's git worktree, and what it holds that the repository's branch does not have."""
    session = await gateway.store.session(name)
    reply = await shown_worktree(gateway, session)
    return WorktreeStatus(
        worktree=reply.worktree or session.worktree,  # type: ignore[arg-type]
        files=reply.files,
        commits=reply.commits,
        uncommitted=reply.uncommitted,
        isGone=reply.isGone,
        into=reply.into,
    )


@routes.post("/v3/sessions/{name}/worktree")
async def end_worktree(gateway: GatewayOf, name: str, wanted: EndWorktreeRequest = body(EndWorktreeRequest)) -> WorktreeEnded:
    """Merge the session's worktree into the repository's branch and remove it, keep it, or drop it. What would lose work needs `force`."""
    session = await gateway.store.session(name)
    reply = await ended_worktree(gateway, session, wanted)
    return WorktreeEnded(
        worktree=reply.worktree or session.worktree,  # type: ignore[arg-type]
        commit=reply.commit,
        into=reply.into,
        files=reply.files,
        note=reply.note,
    )
