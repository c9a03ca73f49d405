"""Makes a fork of a session: a new session whose journal has the history of another one."""

import asyncio
from collections.abc import Callable

from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.commands import ForkSession
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event, SessionUpdated
from opta_protocol.http import Session
from opta_protocol.ids import SESSION_ID

from .catalog import SessionCatalog
from .session_state import SessionState

FORK_MARK = " (fork)"
TITLE_CHARS_MAX = 200
log = Log("store")


class SessionFork:
    """Forks sessions of `catalog`. `write_events` writes an event that the store itself creates; `producer` names the store."""

    def __init__(self, catalog: SessionCatalog, write_events: Callable[[SessionState, Event], None], producer: str):
        self._catalog, self._write_events, self._producer = catalog, write_events, producer
        self._making: dict[str, asyncio.Task[Session]] = {}

    async def run(self, sid: str, asked: ForkSession) -> Session:
        """The new session. The same request again gets the same one. Raises OptaError; then there is no new session."""
        if not SESSION_ID.match(asked.new):
            raise Refused("The new session's id is not valid.", code=ErrorCode.bad_request)
        making = self._making.get(asked.new)
        if making is None:
            making = self._making[asked.new] = asyncio.create_task(self._make(sid, asked), name="fork")
            making.add_done_callback(lambda _: self._making.pop(asked.new, None))
        return await asyncio.shield(making)

    async def _make(self, sid: str, asked: ForkSession) -> Session:
        if self._catalog.has(asked.new):
            known = self._catalog.summary(asked.new)
            if known.parent != sid:
                raise Refused(f"Session s-{asked.new} already exists.", code=ErrorCode.conflict)
            return known
        state = self._catalog.state(sid)
        if state is None:
            raise Refused(f"There is no session s-{sid}.", code=ErrorCode.not_found)
        if state.is_damaged:
            raise Refused(f"The journal of s-{sid} is damaged. Repair it first: opta sessions repair {sid}", code=ErrorCode.broken)
        try:
            await asyncio.to_thread(self._catalog.write_fork, sid, asked, self._producer)
            for _ in self._catalog.opening(asked.new):
                await asyncio.sleep(0)
        except OSError as error:
            raise Unavailable(f"s-{sid} was not forked: {error.strerror or error}.") from error
        made = self._catalog.states[asked.new]
        self._catalog.wrote(asked.new)
        # Its first line that is published: clients that list sessions see it now.
        named = made.title or state.title
        title = f"{named[: TITLE_CHARS_MAX - len(FORK_MARK)].removesuffix(FORK_MARK)}{FORK_MARK}"
        self._write_events(made, SessionUpdated(sid=asked.new, changes={"title": title}))
        log.info("session forked", session=sid, to=asked.new, turn=asked.turn, lines=made.last_seq)
        return self._catalog.summary(asked.new)
