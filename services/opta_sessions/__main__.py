"""The session-store: `python -m opta_sessions`."""

import asyncio
import os

from opta_core import stand_in
from opta_core.clock import now_s
from opta_core.process import Frame, run, wait_for_lock

from .files import Files
from .questions import Questions
from .shelf import Shelf
from .storage import Storage
from .store import Store
from .sync import Syncer, SyncerKind

TICK_S = 0.5
# Journals that the index does not cover are read for a moment, then whoever waits has their turn.
READ_S, READ_PAUSE_S = 0.004, 0.001


async def main(frame: Frame) -> None:
    """Serve appends and questions until asked to stop."""
    # Of the folder itself, since a store that runs from a stand-in holds its other lock elsewhere.
    folder = os.open(frame.paths.sessions, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_for_lock(folder, "sessions")
        await serve(frame, Files(), Syncer)
    finally:
        os.close(folder)


async def serve(frame: Frame, files: Files, syncer: SyncerKind) -> None:
    """The same on any disk."""
    shelf = Shelf(frame.paths.sessions, {"trash": frame.paths.trash, "archive": frame.paths.archive}, files)
    shelf.load()
    store = Store(frame.bus, shelf, Storage(files, frame.paths.sessions), frame.boot, syncer)
    Questions(frame.bus, store)
    frame.figures = lambda: {"appended": store.appended, "fenced": store.fenced}
    if frame.paths.reads_only:
        store.storage.begin()
    if not store.storage.is_failing:
        frame.ready()
    reading = asyncio.create_task(_read_rest(shelf), name="reading")
    while not frame.stopping.is_set():
        store.heartbeat()
        store.leases.check()
        store.look()
        shelf.note()
        if store.storage.is_failing:
            frame.degraded(stand_in.NO_WRITES)
        elif not frame.is_ready:
            if frame.paths.reads_only:
                # The home takes writes again; clients go on finding this daemon where it is.
                stand_in.mark(frame.paths.daemon)
            frame.ready()
        try:
            async with asyncio.timeout(TICK_S):
                await frame.stopping.wait()
        except TimeoutError:
            pass
    reading.cancel()
    store.close()


async def _read_rest(shelf: Shelf) -> None:
    until = now_s() + READ_S
    for _ in shelf.reading():
        if now_s() >= until:
            await asyncio.sleep(READ_PAUSE_S)
            until = now_s() + READ_S


if __name__ == "__main__":
    run("sessions", main)
