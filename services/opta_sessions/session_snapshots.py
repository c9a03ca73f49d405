"""Keeps the snapshot of a session when its agent asks for it, and gives an agent what is kept of a session."""

import asyncio

from opta_core.logs import Log

from .catalog import SessionCatalog
from .journal import JournalPosition
from .snapshot_format import encode_state, encoded

log = Log("snapshots")


class SessionSnapshots:
    """Takes the store's state and the agent's knowledge at the same line, and writes both in a thread."""

    def __init__(self, catalog: SessionCatalog):
        self._catalog, self._folder = catalog, catalog.snapshots
        self._writing: set[str] = set()
        self._reading: dict[str, asyncio.Task[tuple[int, bytes]]] = {}

    async def keep(self, sid: str, seq: int, context: list[bytes]) -> bool:
        """Keep what an agent knows after line `seq`, in frames. Returns False when that is not the last line, or nothing can be written now."""
        # Its first call reads the sources.
        edition = await asyncio.to_thread(self._folder.edition)
        found = self._catalog.position(sid, seq)
        if found is None or not edition or sid in self._writing:
            return False
        state, position = found
        try:
            body = encode_state(state)
        except (ValueError, OverflowError) as error:
            log.warning("state not encoded, so it is not kept", session=sid, reason=error)
            return False
        self._writing.add(sid)
        try:
            is_written = await asyncio.to_thread(self._write, sid, edition, position, body, context)
        finally:
            self._writing.discard(sid)
        if not is_written:
            return False
        if self._catalog.states.get(sid) is not state or state.away:
            # It was closed, repaired or moved away meanwhile.
            self._folder.drop(sid)
            return False
        self._folder.written(sid, position)
        return True

    def _write(self, sid: str, edition: str, position: JournalPosition, body: bytes, context: list[bytes]) -> bool:
        return self._folder.write(sid, encoded(sid, edition, position, body, b"".join(context)))

    async def get(self, sid: str) -> tuple[int, bytes]:
        """(seq of a line, what an agent knew after it); (0, b'') when nothing is kept that agrees with the journal."""
        reading = self._reading.get(sid)
        if reading is None:
            if not self._folder.has(sid):
                return 0, b""
            reading = self._reading[sid] = asyncio.create_task(self._read(sid), name="snapshot")
            reading.add_done_callback(lambda _: self._reading.pop(sid, None))
        return await asyncio.shield(reading)

    async def _read(self, sid: str) -> tuple[int, bytes]:
        try:
            for _ in self._catalog.opening(sid):
                await asyncio.sleep(0)
        except OSError as error:
            log.warning("journal cannot be read", session=sid, reason=error)
            return 0, b""
        return await asyncio.to_thread(self._folder.context, sid)
