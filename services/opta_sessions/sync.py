"""The sync thread: makes appended lines durable, in groups of journals.

The store's event loop never waits for the disk. It passes journals to the thread, and is called back on the loop when the
content of that moment is durable.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from .journal import Journal

# A pause between groups, so that appends close in time share one fdatasync.
GROUP_S = 0.004


# (journal, number of its bytes that are durable now, error if any)
OnSynced = Callable[[Journal, int, OSError | None], None]


class Syncs(Protocol):
    """The interface of a syncer."""

    def add(self, journal: Journal, *, is_urgent: bool = True) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


SyncerKind = Callable[[OnSynced], Syncs]


class Syncer:
    """Owns the thread. `on_synced` runs on the loop."""

    def __init__(self, on_synced: OnSynced):
        self._loop = asyncio.get_running_loop()
        self._on_synced = on_synced
        self._waiting: dict[Journal, int] = {}
        self._lazy: set[Journal] = set()
        self._wake = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._thread.start()

    def add(self, journal: Journal, *, is_urgent: bool = True) -> None:
        """Make the current content of `journal` durable: at once, or at the next `flush`."""
        if is_urgent:
            self._lazy.discard(journal)
            with self._wake:
                self._waiting[journal] = journal.size
                self._wake.notify()
        else:
            self._lazy.add(journal)

    def flush(self) -> None:
        """Make the lines durable that were added as not urgent (deltas)."""
        for journal in list(self._lazy):
            self.add(journal)

    def close(self) -> None:
        """Sync all waiting journals, then end the thread."""
        self.flush()
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting:
                    if self._is_closing:
                        return
                    self._wake.wait()
                group, self._waiting = self._waiting, {}
            for journal, size in group.items():
                error: OSError | None = None
                try:
                    journal.sync()
                except OSError as failure:
                    error = failure
                except ValueError:
                    pass  # closed meanwhile; closing syncs too
                try:
                    self._loop.call_soon_threadsafe(self._on_synced, journal, size, error)
                except RuntimeError:
                    return  # the loop is closed
            with self._wake:
                if not self._is_closing:
                    self._wake.wait(GROUP_S)
