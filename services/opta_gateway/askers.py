"""Who asks a person: the names of the sessions whose questions are open, and of a sub-agent also that of the session that started it."""

from opta_core.errors import OptaError
from opta_protocol.http import Session
from opta_protocol.http_lists import Asker

from .store_access import StoreAccess


async def waiting_sessions(store: StoreAccess) -> list[tuple[Session, Asker]]:
    """The sessions that wait for a person, sub-agents too, and how each is named. Raises OptaError."""
    page = await store.queries.sessions(state="waiting", limit=200, children=True)
    titles = {session.id: session.title for session in page.sessions}
    return [(session, await _asker(store, session, titles)) for session in page.sessions]


async def _asker(store: StoreAccess, session: Session, titles: dict[str, str]) -> Asker:
    if not session.parentCall:
        return Asker(title=session.title)
    if session.parent not in titles:
        try:
            titles[session.parent] = (await store.session(session.parent)).title
        except OptaError:
            titles[session.parent] = ""
    return Asker(title=session.title, parent=session.parent, parentTitle=titles[session.parent])
