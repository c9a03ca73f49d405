"""Keeps what the agent knows of long sessions, so that the first prompt after a start need not read the whole journal.

A snapshot is asked for when a turn has ended and enough lines came since the last one, and taken only while no turn of the session runs:
a running turn is folded ahead of the journal. The store keeps it beside the journal, and gives it back only if it agrees with the journal.
"""

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path

from opta_core.background import Background
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscription
from opta_core.code_edition import code_edition
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_protocol.snapshot_commands import SNAPSHOT_BYTES_MAX

from .session import AgentSession
from .session_record import decoded, encoded

# Lines between two snapshots: reading them takes about 0.2 s in the store and the agent. After some refusals, fewer.
DUE_LINES, AGAIN_LINES = 20_000, 2_000
# The store refuses when the next prompt has come meanwhile, and for good when it cannot write.
ATTEMPTS, AGAIN_S = 3, 2.0

log = Log("snapshots")


class SnapshotClient:
    """The agent's side of snapshots. `edition` names the code that runs here, '' for none (see `code_edition`)."""

    def __init__(self, store: StoreClient, edition: Callable[[], str] = functools.partial(code_edition, Path(__file__).parent)):
        self._store, self._edition = store, edition
        self._keeping = Background()
        # Sessions for which the store is being asked.
        self._asked: set[str] = set()

    async def restore(self, session: AgentSession, seq: int) -> int:
        """Take in what is kept of a session that has at least `seq` lines. Returns its line, 0 for nothing: then the journal is read."""
        if seq < DUE_LINES:
            return 0
        try:
            kept_seq, content = await self._store.snapshot(session.sid)
        except OptaError as error:
            log.info("no snapshot, reading the journal", session=session.sid, reason=error.message)
            return 0
        # Its first call reads the sources.
        record = decoded(await asyncio.to_thread(self._edition), content) if kept_seq else None
        if record is None or record.seq != kept_seq:
            return 0
        session.restore(record)
        return kept_seq

    def turn_ended(self, session: AgentSession, subscription: Subscription, seq: int, is_idle: Callable[[], bool]) -> None:
        """Keep what is known after a turn that ended at line `seq`, if that is due. `is_idle`: whether the session still runs no turn."""
        if seq - session.kept_seq >= DUE_LINES and session.sid not in self._asked:
            self._asked.add(session.sid)
            self._keeping.start(self._keep(session, subscription, seq, is_idle), f"snapshot {session.sid}")

    async def close(self) -> None:
        """Give up what is not kept yet."""
        await self._keeping.close()

    async def _keep(self, session: AgentSession, subscription: Subscription, seq: int, is_idle: Callable[[], bool]) -> None:
        try:
            edition = await asyncio.to_thread(self._edition)
            await subscription.reached(seq)
            for _ in range(ATTEMPTS if edition else 0):
                if not is_idle():
                    return  # the end of the turn that runs now asks again
                # From the check to the encoded bytes nothing is awaited.
                seq = subscription.seq
                content = encoded(edition, session.record(seq))
                if len(content) <= SNAPSHOT_BYTES_MAX and await self._store.keep_snapshot(session.sid, seq, content):
                    session.kept_seq = seq
                    return
                await asyncio.sleep(AGAIN_S)
            session.kept_seq = seq - DUE_LINES + AGAIN_LINES
        except (ValueError, OverflowError, OptaError) as error:
            log.warning("session not kept", session=session.sid, reason=error)
        finally:
            self._asked.discard(session.sid)
