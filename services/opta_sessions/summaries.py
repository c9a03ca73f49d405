"""Summaries of closed sessions, ordered by last activity. The cost of a page depends on its size, not on the number of sessions."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from opta_protocol.http import Session


class Summaries:
    """Summaries by id, and for lists by (last activity, id)."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._order: list[tuple[str, str]] = []

    def __contains__(self, sid: str) -> bool:
        return sid in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __getitem__(self, sid: str) -> Session:
        return self._by_id[sid]

    def fill(self, sessions: list[Session]) -> None:
        """Add many summaries at once."""
        self._by_id.update((session.id, session) for session in sessions)
        self._order = sorted(map(order_of, self._by_id.values()))

    def set(self, session: Session) -> None:
        """Add or replace a summary."""
        self.pop(session.id)
        self._by_id[session.id] = session
        insort(self._order, order_of(session))

    def pop(self, sid: str) -> None:
        """Remove a summary, if it exists."""
        if session := self._by_id.pop(sid, None):
            del self._order[bisect_left(self._order, order_of(session))]

    def before(self, order: tuple[str, str] | None) -> Iterator[Session]:
        """Summaries before `order` (all when it is None), newest first."""
        at = len(self._order) if order is None else bisect_left(self._order, order)
        while at:
            at -= 1
            yield self._by_id[self._order[at][1]]


def order_of(session: Session) -> tuple[str, str]:
    """The sort key of a session in lists."""
    return session.lastActivityAt, session.id
