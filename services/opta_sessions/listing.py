"""Finds sessions by id or prefix, and lists them by page, most recently active first."""

import heapq
from collections.abc import Iterator
from itertools import islice

from opta_core.clock import utc_at
from opta_core.errors import Refused, Unavailable
from opta_protocol.commands import ListSessions
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Session, SessionList
from opta_protocol.ids import SESSION_PREFIX

from .catalog import READ_FIRST, SessionCatalog
from .child_turns import children_asking, with_children
from .files import FileStat
from .session_state import SessionState
from .summaries import order_of

LIMIT_MAX = 1000
# States that only a session with an open turn has.
OPEN_STATES = ("running", "waiting", "paused")


class SessionListing:
    """Answers queries about the sessions of a catalog. A query may read journals that the index does not cover."""

    def __init__(self, catalog: SessionCatalog):
        self._catalog = catalog

    def resolve(self, name: str) -> str:
        """The id for `name`, an id or an unambiguous prefix. Raises Refused."""
        match = SESSION_PREFIX.match(name)
        if match is None:
            raise Refused(f"{name[:40]!r} is not a session id. `opta sessions list` shows them.", code=ErrorCode.bad_request)
        prefix = match.group(1)
        if self._catalog.has(prefix):
            return prefix
        found = [
            sid for sids in (self._catalog.states, self._catalog.summaries, self._catalog.unread) for sid in sids if sid.startswith(prefix)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused(f"s-{prefix} matches {len(found)} sessions. Give more characters.", code=ErrorCode.bad_request)
        raise Refused(f"There is no session s-{prefix}. `opta sessions list` shows them.", code=ErrorCode.not_found)

    def page(self, asked: ListSessions) -> SessionList:
        """At most `limit` sessions, most recently active first. `cursor` is the last id of the previous page.

        Sub-agents stay below the session that started them (`children`, `parent`); one whose parent is gone is listed by itself.
        While unindexed journals are being read, only the first page is available. Raises Unavailable for any other page.
        """
        needle = asked.q.lower().removeprefix("s-")
        limit, cursor, wanted = max(1, min(asked.limit, LIMIT_MAX)), asked.cursor, asked.state
        if self._catalog.unread:
            if needle or wanted or cursor or asked.parent or asked.pinned:
                raise Unavailable(
                    f"The session index is being rebuilt; {len(self._catalog.unread)} journals are not read yet. Try again in a moment.",
                    retry_after_s=1,
                )
            return self._first_page(limit, asked)
        after = order_of(self._catalog.summary(cursor)) if cursor and self._catalog.has(cursor) else None
        asking = children_asking(self._catalog.states)
        chosen = (
            s
            for s in (with_children(each, asking) for each in (self._open(after) if wanted in OPEN_STATES else self._newest(after)))
            if self._is_listed(s, asked)
            and (not needle or needle in s.title.lower() or s.id.startswith(needle))
            and (not wanted or s.state == wanted)
        )
        found = list(islice(chosen, limit + 1))
        return SessionList(sessions=found[:limit], nextCursor=found[limit - 1].id if len(found) > limit else None)

    def one(self, name: str) -> Session:
        """A session by its id or an unambiguous prefix. Raises Refused."""
        return with_children(self._catalog.summary(self.resolve(name)), children_asking(self._catalog.states))

    def _is_listed(self, session: Session, asked: ListSessions) -> bool:
        if (asked.archived is not None and session.archived != asked.archived) or (asked.pinned and not session.pinned):
            return False
        if asked.parent:
            return bool(session.parentCall) and session.parent == asked.parent
        return asked.children or not session.parentCall or not self._catalog.has(session.parent)

    def _first_page(self, limit: int, asked: ListSessions) -> SessionList:
        """The newest sessions by change time. Those that are not read yet are read now, at most READ_FIRST."""
        found = list(islice(self._newest(None), limit + 1))
        unread = [s.id for s in found[:limit] if s.id in self._catalog.unread]
        if len(unread) > READ_FIRST:
            limit = next(at for at, s in enumerate(found) if s.id == unread[READ_FIRST])
            unread = unread[:READ_FIRST]
        for sid in unread:
            self._catalog.read(sid)
        page = sorted((self._catalog.summary(s.id) for s in found[:limit] if self._catalog.has(s.id)), key=order_of, reverse=True)
        cursor = page[-1].id if page and len(found) > limit else None
        return SessionList(sessions=[s for s in page if self._is_listed(s, asked)], nextCursor=cursor)

    def _newest(self, after: tuple[str, str] | None) -> Iterator[Session]:
        """Sessions in list order. Of a session that is not read yet, only its order is known."""
        unread = (_not_read(sid, stat) for sid, stat in reversed(self._catalog.unread.items()))
        return heapq.merge(self._catalog.summaries.before(after), self._open(after), unread, key=order_of, reverse=True)

    def _open(self, after: tuple[str, str] | None) -> list[Session]:
        """Sessions in memory, in list order. Every session with an open turn is one of them."""
        states = (state.summary() for state in self._catalog.states.values() if not state.away)
        return sorted((s for s in states if after is None or order_of(s) < after), key=order_of, reverse=True)


def _not_read(sid: str, stat: FileStat) -> Session:
    """The list entry of a session whose journal is not read yet."""
    return SessionState(sid, last_activity_at=utc_at(stat.changed_ns / 1e9)).summary()
