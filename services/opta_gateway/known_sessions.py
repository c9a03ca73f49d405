"""Sessions as the gateway last read them: a turn is submitted without asking the store again what its session is set to."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from opta_protocol.http import Session

SESSIONS_MAX = 256


class KnownSessions:
    """Keeps the sessions that `ask` answered. Only the gateway changes their mode, level and model, and it says so with `changing`."""

    def __init__(self, ask: Callable[[str], Awaitable[Session]]):
        self._ask = ask
        self._known: OrderedDict[str, Session] = OrderedDict()
        # Number of changes so far: what was read while one was on its way is not kept.
        self._changes = 0
        # Sessions with a change that the store has not confirmed and may still write.
        self._unconfirmed: set[str] = set()

    async def now(self, name: str) -> Session:
        """A session by id or prefix, as the store has it now. Raises not_found."""
        changes = self._changes
        session = await self._ask(name)
        if changes == self._changes and session.id not in self._unconfirmed:
            self._known[session.id] = session
            self._known.move_to_end(session.id)
            while len(self._known) > SESSIONS_MAX:
                self._known.popitem(last=False)
        return session

    async def settings(self, name: str) -> Session:
        """A session whose folder, mode, level and model are those of now; its activity may be older. Raises not_found."""
        return self._known.get(name) or await self.now(name)

    @contextmanager
    def changing(self, sid: str) -> Generator[None, None, None]:
        """While a change of a session is stored. After an exception it is not known whether the store has it, or will have it."""
        try:
            yield
        except BaseException:
            self._unconfirmed.add(sid)
            raise
        finally:
            self._changes += 1
            self._known.pop(sid, None)
