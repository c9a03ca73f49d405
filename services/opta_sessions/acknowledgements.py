"""Acknowledges events to their producers. Durable events are acknowledged when they are on the disk.

An acknowledgement of durable events waits until the journal's bytes are on the disk, and so does every later one of the same
session. Deltas are acknowledged together some tenths of a second later, because no producer waits for them.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from opta_core.logs import Log
from opta_protocol.commands import Ack, Append, AppendResult
from opta_protocol.error_info import ErrorInfo

from .catalog import SessionCatalog
from .full_disk import FullDisk
from .journal import Journal
from .sequencer import EventBatch
from .sync import SyncerKind

SYNC_AGAIN_S = 0.2
# Less than a producer's window, so that a producer is acknowledged before it must wait.
DEFERRED_EVENTS_MAX = 256

_encode = msgspec.json.Encoder().encode
log = Log("store")


class _Waiting(NamedTuple):
    """An encoded acknowledgement that is sent when the journal's first `size` bytes are durable."""

    size: int
    peer: bytes
    message: bytes


class _Deferred(NamedTuple):
    """The last delta number of a producer, and the number of events that its acknowledgement covers."""

    peer: bytes
    head: Append
    last: int
    events: int


class Acknowledgements:
    """Owns the syncer. `send` carries a message to a peer."""

    def __init__(self, boot: str, send: Callable[[bytes, list[bytes]], None], catalog: SessionCatalog, disk: FullDisk, syncer: SyncerKind):
        self._boot, self._send, self._catalog, self._disk = boot, send, catalog, disk
        self._loop = asyncio.get_running_loop()
        self._syncer = syncer(self._on_synced)
        self._waiting: dict[str, list[_Waiting]] = {}
        # (producer, session) -> acknowledgement to send at the next flush
        self._deferred: dict[tuple[str, str], _Deferred] = {}

    def close(self) -> None:
        """Make everything durable, then stop the sync thread."""
        self._syncer.close()

    def is_waiting(self, sid: str) -> bool:
        """Whether a producer of this session still waits for the disk."""
        return sid in self._waiting

    def wrote(self, journal: Journal, batch: EventBatch) -> None:
        """Note that a batch was appended to `journal`, and schedule its sync: at once if the batch is durable."""
        self._syncer.add(journal, is_urgent=batch.is_durable)

    def handled(self, peer: bytes, head: Append, last: int, batch: EventBatch) -> None:
        """Acknowledge a producer's events up to its number `last`, as soon as `batch` allows."""
        results = batch.noteworthy
        if batch.is_durable or head.sid in self._waiting:
            journal = self._catalog.journal(head.sid)
            self._waiting.setdefault(head.sid, []).append(_Waiting(journal.size, peer, self._message(head, last, results)))
            self._syncer.add(journal)
            self._deferred.pop((head.p, head.sid), None)
        elif results:
            self._send(peer, [self._message(head, last, results)])
        else:
            self._defer(peer, head, last, len(batch.lines))

    def seen(self, peer: bytes, head: Append, last: int) -> None:
        """Report to a producer that skipped numbers how far its events are handled. Waits for the disk like a durable event."""
        self.handled(peer, head, last, EventBatch(first_seq=0, before_seq=0, is_durable=True))

    def known(self, peer: bytes, head: Append, count: int) -> None:
        """Acknowledge all `count` events of an append that an earlier store wrote, and whose acknowledgement was lost."""
        self._send(peer, [self._message(head, head.n + count - 1, [])])

    def refused(self, peer: bytes, head: Append, count: int, error: ErrorInfo) -> None:
        """Refuse all `count` events of an append at once."""
        last = head.n + count - 1
        results = [AppendResult(n=n, status="refused", error=error) for n in range(head.n, last + 1)]
        self._send(peer, [self._message(head, last, results)])

    def flush(self) -> None:
        """Sync the deltas, and send the deferred acknowledgements."""
        self._syncer.flush()
        deferred, self._deferred = self._deferred, {}
        for peer, head, last, _ in deferred.values():
            self._send(peer, [self._message(head, last, [])])

    def _defer(self, peer: bytes, head: Append, last: int, count: int) -> None:
        key = (head.p, head.sid)
        known = self._deferred.get(key)
        count += known.events if known else 0
        if count >= DEFERRED_EVENTS_MAX:
            self._deferred.pop(key, None)
            self._send(peer, [self._message(head, last, [])])
        else:
            self._deferred[key] = _Deferred(peer, head, last, count)

    def _message(self, head: Append, last: int, results: list[AppendResult]) -> bytes:
        return _encode(Ack(p=head.p, sid=head.sid, n=last, boot=self._boot, results=results))

    def _on_synced(self, journal: Journal, size: int, error: OSError | None) -> None:
        sid = journal.file.stem
        if error is not None:
            log.error("sync failed", file=journal.file.name, reason=error)
            self._disk.sync_failed(error)
            self._loop.call_later(SYNC_AGAIN_S, self._sync_again, sid)
            return
        self._disk.synced()
        if journal.is_closed:
            # The session's journal was reopened: only a sync of the open journal counts.
            self._sync_again(sid)
            return
        waiting = self._waiting.pop(sid, [])
        later = [entry for entry in waiting if entry.size > size]
        for entry in waiting[: len(waiting) - len(later)]:
            self._send(entry.peer, [entry.message])
        if later:
            self._waiting[sid] = later
            self._syncer.add(journal)

    def _sync_again(self, sid: str) -> None:
        if sid not in self._waiting or not self._catalog.has(sid):
            return
        try:
            self._syncer.add(self._catalog.journal(sid))
        except OSError as error:
            log.error("journal could not be opened for its sync", session=sid, reason=error)
            self._loop.call_later(SYNC_AGAIN_S, self._sync_again, sid)
