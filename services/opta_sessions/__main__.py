"""The session-store: `python -m opta_sessions`."""

import asyncio

from opta_core.process import Frame, run

from .journal import Files
from .questions import Questions
from .shelf import Shelf
from .store import Store

HEARTBEAT_ACTIVE_S, HEARTBEAT_IDLE_EVERY = 0.1, 10


async def main(frame: Frame) -> None:
    """Serve appends and questions until asked to stop."""
    shelf = Shelf(frame.paths.sessions, frame.paths.trash, Files())
    shelf.load()
    store = Store(frame.bus, shelf, frame.boot)
    Questions(frame.bus, shelf)
    frame.figures = lambda: {"appended": store.appended, "fenced": store.fenced}
    frame.ready()
    beat = 0
    was_active = False
    while not frame.stopping.is_set():
        was_active = store.heartbeat() if was_active or beat % HEARTBEAT_IDLE_EVERY == 0 else store.has_news()
        store.leases.check()
        if store.is_degraded:
            frame.degraded("the disk takes no writes")
        elif not frame.is_ready:
            frame.ready()
        beat += 1
        try:
            async with asyncio.timeout(HEARTBEAT_ACTIVE_S):
                await frame.stopping.wait()
        except TimeoutError:
            pass
    store.close()


if __name__ == "__main__":
    run("sessions", main)
