"""The process of the tool-worker: `python -m opta_tools`."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
from pathlib import Path

from opta_core.bus.outbox import Outbox
from opta_core.errors import Unavailable
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.process.process import ServiceContext, run
from opta_core.settings import LiveSettings, environment
from opta_core.worktree_records import worktree_records
from opta_protocol.events import Event
from opta_protocol.ids import SESSION_ID

from .checkpoints.checkpoints import Checkpoints
from .commands.hook_runs import HookRuns
from .commands.jobs import Runner
from .commands.reaper import Reaper
from .diagnostics.check_run import CheckRuns
from .diagnostics.edit_checks import EditChecks
from .diagnostics.timed_runs import TimedRuns
from .executor import Executor, ToolExecutor
from .files.file_tools import FileTools
from .files.workspace import Workspace
from .housekeeping import EVERY_S, keep_bounded
from .mcp.servers import Servers
from .sandbox.bare import kill_marked
from .sandbox.limits import CommandLimits
from .sandbox.sandbox import Sandbox
from .sandbox.session_tmp import SessionTmps
from .web.web_fetch import WebFetcher
from .worker import Worker
from .worktrees.git_program import GitProgram
from .worktrees.worktrees import Worktrees

REPORT_S = 10.0
log = Log("tools")


async def main(context: ServiceContext) -> None:
    """Start with the production executor and serve calls until asked to stop."""
    home_mark = hashlib.sha256(os.fsencode(context.paths.home)).hexdigest()[:12]
    if orphans := kill_marked(home_mark):
        log.warning("killed processes that an earlier worker left running", processes=orphans)
    mark = f"{home_mark}/{context.boot}"
    reaper = Reaper(f"{mark}/")
    settings, paths = context.settings.sandbox, context.paths
    daemon_folders = (str(path.resolve()) for path in (paths.home, paths.run))
    tmps = SessionTmps(paths.daemon.resolve() / "sandbox")
    skills, hooks_folder = (_made(folder, paths) for folder in (paths.skills, paths.hooks))
    Workspace.hide(daemon_folders, str(paths.workspaces.resolve()), str(Path.home().resolve()), str(tmps.folder), skills)
    worker_environment = environment()
    sandbox = Sandbox(
        Path.home(),
        (paths.home, paths.run),
        paths.daemon / "sandbox",
        search_path=worker_environment.get("PATH", os.defpath),
        read=(*settings.read, skills, hooks_folder),
        allowed=tuple(settings.allow_hosts),
        unix_sockets=settings.unix_sockets,
        limits=CommandLimits(
            _memory_mb(settings.memory_mb),
            settings.processes,
            settings.files,
            settings.disk_mb,
            free_mb=settings.free_mb,
            tmp_mb=settings.tmp_mb,
        ),
    )
    if settings.enabled:
        await sandbox.probe()
    else:
        sandbox.reason = "switched off (sandbox.enabled)"
    runner = Runner(sandbox, worker_environment, mark, paths.daemon / "spills")
    live = LiveSettings(context.settings, paths)
    servers = Servers(live, paths, sandbox, worker_environment, mark)
    keep_bounded(paths.daemon, lambda: tmps.forget_old(lambda sid: not SESSION_ID.match(sid) or (paths.sessions / f"{sid}.jsonl").exists()))
    checkpoints = Checkpoints(paths.daemon / "snapshots", paths.daemon / "checkpoints")
    files = FileTools(checkpoints)
    hooks = HookRuns(context.boot, sandbox, worker_environment, mark, paths.hooks, files.watch)
    executor = ToolExecutor(
        context.boot,
        sandbox.level,
        runner,
        checkpoints,
        servers,
        (*settings.read, skills),
        files,
        session_tmp=tmps.make,
        web=WebFetcher(live),
        checks=EditChecks(live, paths, TimedRuns(CheckRuns(sandbox, worker_environment, mark))),
        hooks=hooks,
        level_reason=sandbox.reason,
    )
    await serve(context, executor, f"{mark}/git")
    await sandbox.close()
    reaper.stop()


def _made(folder: Path, paths: Paths) -> str:
    """The real path of a folder of the home that sandboxes show. It is made, because what does not exist cannot be shown later."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return paths.shown(folder)


def _memory_mb(wanted: int) -> int:
    """The memory limit of a command in MB: as configured, or three quarters of the machine's memory when the setting is negative."""
    return wanted if wanted >= 0 else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4 // 1024**2


async def serve(context: ServiceContext, executor: Executor, mark: str = "") -> None:
    """Serve calls with any executor until asked to stop. `mark`: of the processes of git that this worker starts."""
    outbox = Outbox(context.bus, "tools", context.boot)
    worktrees = _worktrees(context, outbox, mark)
    worker = Worker(context.bus, outbox, context.boot, executor, worktrees)
    context.figures = worker.figures
    context.ready()
    repairing = asyncio.create_task(_repair(worktrees, context.paths), name="worktrees")
    await context.stopping.wait()
    repairing.cancel()
    await worker.close()


def _worktrees(context: ServiceContext, outbox: Outbox, mark: str) -> Worktrees:
    loop = asyncio.get_running_loop()

    def report(event: Event) -> None:
        """Store an event, from a thread. Raises OptaError."""
        try:
            asyncio.run_coroutine_threadsafe(outbox.written(event, REPORT_S), loop).result(2 * REPORT_S)
        except (TimeoutError, concurrent.futures.CancelledError) as error:
            raise Unavailable("The session store does not answer.") from error

    scratch = context.paths.daemon / "git"
    return Worktrees(GitProgram(Path.home(), mark), worktree_records(context.paths), scratch, report)


async def _repair(worktrees: Worktrees, paths: Paths) -> None:
    """Finish what an earlier worker left, now and once an hour."""

    def has_session(sid: str) -> bool:
        return any((folder / f"{sid}.jsonl").exists() for folder in (paths.sessions, paths.trash, paths.archive))

    while True:
        await asyncio.to_thread(worktrees.repair, has_session)
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    run("tools", main)
