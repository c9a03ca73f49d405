"""The gateway's access to the session store: queries, appends, and the recent lines of followed sessions.

The gateway keeps no state of sessions but these recent lines, folded transcripts and settings; the journal can replace all at any time.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext

from opta_core.bus.bus import Bus
from opta_core.bus.outbox import Outbox
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscriptions
from opta_core.errors import Unavailable, from_info
from opta_core.transcript import Transcript
from opta_protocol.commands import AppendResult
from opta_protocol.events import Event, SessionUpdated
from opta_protocol.http import Session

from .folded_sessions import FoldedSessions
from .known_sessions import KnownSessions
from .recent_lines import GlobalRing, Ring
from .telemetry import TokenRate

# Rings of sessions that somebody watches, and of a few that somebody may come back to.
RINGS_MAX, RINGS_UNUSED_MAX = 256, 16


class StoreAccess:
    """Owns the gateway's outbox, its store client and its subscriptions."""

    def __init__(self, bus: Bus, boot: str):
        self.queries = StoreClient(bus)
        self.outbox = Outbox(bus, "gateway", boot)
        self.everything = GlobalRing(boot)
        self.token_rate = TokenRate()
        self._subscriptions = Subscriptions(bus, self.queries)
        self._subscriptions.on_any = self._on_any
        self._sessions = KnownSessions(self.queries.session)
        self._folded = FoldedSessions(self.queries)
        self._subscriptions.on_store_start = self._folded.clear
        self._rings: OrderedDict[str, Ring] = OrderedDict()
        self._last_seqs: dict[str, int] = {}
        # Called with the lines of any session, as they are published.
        self.on_lines: Callable[[list[bytes]], None] | None = None

    @property
    def rings(self) -> list[Ring]:
        """The rings of all followed sessions."""
        return list(self._rings.values())

    async def session(self, name: str) -> Session:
        """A session by id or prefix. Raises not_found."""
        return await self._sessions.now(name)

    async def session_settings(self, name: str) -> Session:
        """A session whose folder, mode, level and model are those of now; its activity may be older. Raises not_found.

        Mostly without a query. A session may be gone by now: then the store refuses what is appended to it.
        """
        return await self._sessions.settings(name)

    async def transcript(self, sid: str, up_to: int | None = None) -> Transcript:
        """A session folded, up to and with line `up_to`. Callers share it and do not change it. Raises not_found."""
        return await self._folded.transcript(sid, up_to)

    async def append(self, event: Event, timeout_s: float = 10.0) -> AppendResult:
        """Store an event. Raises the store's refusal, or Unavailable when the turn has ended or the store does not answer."""
        with self._sessions.changing(event.sid) if isinstance(event, SessionUpdated) else nullcontext():
            result = await self.outbox.written(event, timeout_s)
        if result.error is not None:
            raise from_info(result.error)
        if result.status == "fenced":
            raise Unavailable("The turn ended meanwhile.", retryable=False)
        return result

    async def ring(self, session: Session) -> Ring:
        """The ring of a session, which is followed from now on."""
        ring = self._rings.get(session.id)
        if ring is None:
            ring = self._rings[session.id] = Ring(self.queries, self._subscriptions, session.id, session.lastSeq)
            unused = [sid for sid, known in self._rings.items() if not known.users and known is not ring]
            for sid in unused[: max(0, len(unused) - RINGS_UNUSED_MAX, min(len(unused), len(self._rings) - RINGS_MAX))]:
                del self._rings[sid]
                self._subscriptions.drop(sid)
        self._rings.move_to_end(session.id)
        return ring

    def _on_any(self, sid: str, first: int, lines: list[bytes]) -> None:
        if first > self._last_seqs.get(sid, first - 1) + 1:
            self.everything.lose()
        self._last_seqs[sid] = first + len(lines) - 1
        self.everything.take(lines)
        if self.on_lines is not None:
            self.on_lines(lines)
        self.token_rate.count(lines)
