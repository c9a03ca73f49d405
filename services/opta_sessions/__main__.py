"""The session store process: `python -m opta_sessions`."""

import asyncio
import os

from opta_core import fallback_folder
from opta_core.clock import now_s
from opta_core.process.process import ServiceContext, run, wait_for_lock
from opta_core.ticks import tick

from .catalog import SessionCatalog
from .files import FileSystem
from .queries import StoreQueries
from .storage import Storage
from .store import Store
from .sync import Syncer, SyncerKind

# Time to read unindexed journals before waiting requests are served.
READ_S, READ_PAUSE_S = 0.004, 0.001


async def main(context: ServiceContext) -> None:
    """Serve appends and queries until the process is stopped."""
    # Lock the sessions folder itself: a store that uses the fallback folder holds its process lock elsewhere.
    folder = os.open(context.paths.sessions, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_for_lock(folder, "sessions")
        await serve(context, FileSystem(), Syncer)
    finally:
        os.close(folder)


async def serve(context: ServiceContext, files: FileSystem, syncer: SyncerKind) -> None:
    """Run the store on `files`, which a test or simulation can replace."""
    catalog = SessionCatalog(context.paths.sessions, {"trash": context.paths.trash, "archive": context.paths.archive}, files)
    catalog.load()
    store = Store(context.bus, catalog, Storage(files, context.paths.sessions), context.boot, syncer)
    StoreQueries(context.bus, store)
    context.figures = lambda: {"appended": store.appended, "fenced": store.fenced}
    if context.paths.is_read_only:
        store.storage.begin()
    if not store.storage.is_failing:
        context.ready()
    reading = asyncio.create_task(_read_rest(catalog), name="reading")
    while not context.stopping.is_set():
        store.heartbeat()
        store.leases.check()
        store.children.check()
        store.disk.look()
        catalog.note()
        if store.storage.is_failing:
            context.degraded(fallback_folder.NO_WRITES)
        elif not context.is_ready:
            if context.paths.is_read_only:
                # The home can be written again. The mark lets clients still find this daemon in the fallback folder.
                fallback_folder.mark(context.paths.daemon)
            context.ready()
        store.woken.clear()
        await tick(store.tick_s, context.stopping, store.woken)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    store.close()


async def _read_rest(catalog: SessionCatalog) -> None:
    until = now_s() + READ_S
    for _ in catalog.reading():
        if now_s() >= until:
            await asyncio.sleep(READ_PAUSE_S)
            until = now_s() + READ_S


if __name__ == "__main__":
    run("sessions", main)
