"""The session-store: `python -m opta_sessions`."""

import asyncio
import os

from opta_core import stand_in
from opta_core.clock import now_s
from opta_core.process.process import ServiceContext, run, wait_for_lock

from .catalog import SessionCatalog
from .files import FileSystem
from .queries import Questions
from .storage import Storage
from .store import Store
from .sync import Syncer, SyncerKind

TICK_S = 0.5
# Journals that the index does not cover are read for a moment, then whoever waits has their turn.
READ_S, READ_PAUSE_S = 0.004, 0.001


async def main(context: ServiceContext) -> None:
    """Serve appends and questions until asked to stop."""
    # Of the folder itself, since a store that runs from a stand-in holds its other lock elsewhere.
    folder = os.open(context.paths.sessions, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_for_lock(folder, "sessions")
        await serve(context, FileSystem(), Syncer)
    finally:
        os.close(folder)


async def serve(context: ServiceContext, files: FileSystem, syncer: SyncerKind) -> None:
    """The same on any disk."""
    catalog = SessionCatalog(context.paths.sessions, {"trash": context.paths.trash, "archive": context.paths.archive}, files)
    catalog.load()
    store = Store(context.bus, catalog, Storage(files, context.paths.sessions), context.boot, syncer)
    Questions(context.bus, store)
    context.figures = lambda: {"appended": store.appended, "fenced": store.fenced}
    if context.paths.reads_only:
        store.storage.begin()
    if not store.storage.is_failing:
        context.ready()
    reading = asyncio.create_task(_read_rest(catalog), name="reading")
    while not context.stopping.is_set():
        store.heartbeat()
        store.leases.check()
        store.disk.look()
        catalog.note()
        if store.storage.is_failing:
            context.degraded(stand_in.NO_WRITES)
        elif not context.is_ready:
            if context.paths.reads_only:
                # The home takes writes again; clients go on finding this daemon where it is.
                stand_in.mark(context.paths.daemon)
            context.ready()
        try:
            async with asyncio.timeout(TICK_S):
                await context.stopping.wait()
        except TimeoutError:
            pass
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
