"""The tool-worker: `python -m opta_tools`."""

import hashlib
import os

from opta_core.logs import Log
from opta_core.outbox import Outbox
from opta_core.process import Frame, run

from .hands import Does, Hands
from .shell import kill_marked
from .warden import Warden
from .worker import Worker

log = Log("tools")


async def main(frame: Frame) -> None:
    """Serve calls until asked to stop."""
    home_mark = hashlib.sha256(os.fsencode(frame.paths.home)).hexdigest()[:12]
    if orphans := kill_marked(home_mark):
        log.warning("killed what a former worker left running", processes=orphans)
    mark = f"{home_mark}/{frame.boot}"
    warden = Warden(f"{mark}/")
    await serve(frame, Hands(frame.boot, mark))
    warden.dismiss()


async def serve(frame: Frame, hands: Does) -> None:
    """The same with any hands."""
    worker = Worker(frame.bus, Outbox(frame.bus, "tools", frame.boot), frame.boot, hands)
    frame.figures = worker.figures
    frame.ready()
    await frame.stopping.wait()
    await worker.close()


if __name__ == "__main__":
    run("tools", main)
