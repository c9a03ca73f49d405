"""The tool-worker: `python -m opta_tools`."""

import hashlib
import os
from pathlib import Path

from opta_core.logs import Log
from opta_core.outbox import Outbox
from opta_core.process import Frame, run
from opta_core.settings import Fresh, environment

from .beneath import Workspace
from .checkpoints import Checkpoints
from .hands import Does, Hands
from .mcp.servers import Servers
from .run import Runner
from .sandbox.contain import Sandbox
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
    settings, paths = frame.settings.sandbox, frame.paths
    Workspace.own_folders = tuple(str(path.resolve()) for path in (paths.home, paths.run))
    sandbox = Sandbox(Path.home(), (paths.home, paths.run), paths.daemon / "sandbox")
    if settings.enabled:
        sandbox.probe()
    else:
        sandbox.reason = "switched off (sandbox.enabled)"
    runner = Runner(sandbox, environment(), mark, paths.daemon / "spills", tuple(settings.allow_hosts))
    servers = Servers(Fresh(frame.settings, paths), paths, sandbox, environment(), mark)
    await serve(frame, Hands(frame.boot, sandbox.level, runner, Checkpoints(paths.daemon / "checkpoints"), servers))
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
