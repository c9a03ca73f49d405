"""Sessions in the trash and in the archive, and their way back."""

from opta_protocol.http import Empty, Session, SessionList

from ..endpoint import GatewayOf, TypedRouter, body, choice, number, text

PAGE_MAX = 100

routes = TypedRouter()


@routes.get("/v3/put-away")
async def list_put_away(
    gateway: GatewayOf,
    where: str = choice("where", "trash", "trash", "archive"),
    limit: int = number("limit", 50, PAGE_MAX),
    cursor: str = text("cursor", chars_max=20),
) -> SessionList:
    """Sessions in the trash or in the archive, the last one that was moved there first."""
    return await gateway.store.queries.put_away("archive" if where == "archive" else "trash", max(1, limit), cursor)


@routes.post("/v3/put-away/{name}/restore")
async def restore_session(gateway: GatewayOf, name: str, _: Empty = body(Empty)) -> Session:
    """Bring a session with its sub-agents back to the list. Its worktree, if it had one that was removed, does not come back."""
    return await gateway.store.queries.restore(name.removeprefix("s-"))
