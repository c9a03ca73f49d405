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
from .housekeeping import keep_bounded
from .mcp.servers import Servers
from .run import Runner
from .sandbox.bare import kill_marked
from .sandbox.contain import Sandbox
from .sandbox.limits import Limits
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
    own_folders = (str(path.resolve()) for path in (paths.home, paths.run))
    Workspace.keep_back(own_folders, str(paths.workspaces.resolve()), str(Path.home().resolve()))
    own = environment()
    sandbox = Sandbox(
        Path.home(),
        (paths.home, paths.run),
        paths.daemon / "sandbox",
        search_path=own.get("PATH", os.defpath),
        read=tuple(settings.read),
        allowed=tuple(settings.allow_hosts),
        limits=Limits(_memory_mb(settings.memory_mb), settings.processes, settings.files, settings.disk_mb, free_mb=settings.free_mb),
    )
    if settings.enabled:
        await sandbox.probe()
    else:
        sandbox.reason = "switched off (sandbox.enabled)"
    runner = Runner(sandbox, own, mark, paths.daemon / "spills")
    servers = Servers(Fresh(frame.settings, paths), paths, sandbox, own, mark)
    keep_bounded(paths.daemon)
    await serve(frame, Hands(frame.boot, sandbox.level, runner, Checkpoints(paths.daemon / "checkpoints"), servers, tuple(settings.read)))
    await sandbox.close()
    warden.dismiss()


def _memory_mb(wanted: int) -> int:
    """What a command may use: as set, or three quarters of the machine."""
    return wanted if wanted >= 0 else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4 // 1024**2


async def serve(frame: Frame, hands: Does) -> None:
    """The same with any hands."""
    worker = Worker(frame.bus, Outbox(frame.bus, "tools", frame.boot), frame.boot, hands)
    frame.figures = worker.figures
    frame.ready()
    await frame.stopping.wait()
    await worker.close()


if __name__ == "__main__":
    run("tools", main)
