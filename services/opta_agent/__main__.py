"""The agent: `python -m opta_agent`."""

import asyncio

from opta_core.feed import Feeds
from opta_core.lmx_door import door_of
from opta_core.outbox import Outbox
from opta_core.process import Frame, run
from opta_core.store_client import StoreClient
from opta_core.vault import Vault

from .router import Router, Routes
from .turns import HELLO_IDLE_S, HELLO_S, Turns


async def main(frame: Frame) -> None:
    """Run turns until asked to stop."""
    vault = Vault(frame.paths, allows_file=frame.settings.vault_file)
    await serve(frame, Router(frame.settings, lambda: door_of(frame.settings, frame.paths), vault))


async def serve(frame: Frame, router: Routes) -> None:
    """The same with any way to models."""
    store = StoreClient(frame.bus)
    outbox = Outbox(frame.bus, "agent", frame.boot, frame.life)
    turns = Turns(frame.bus, frame.boot, frame.life, frame.settings, frame.paths, Feeds(frame.bus, store, is_sparse=True), outbox, router)
    frame.figures = lambda: {"running": turns.running, "done": turns.done}
    turns.on_change = frame.publish
    turns.hello()
    frame.ready()
    await asyncio.to_thread(router.warm)
    while not frame.stopping.is_set():
        turns.hello()
        try:
            async with asyncio.timeout(HELLO_S if turns.running else HELLO_IDLE_S):
                await frame.stopping.wait()
        except TimeoutError:
            pass
    await turns.close()
    router.close()


if __name__ == "__main__":
    run("agent", main)
