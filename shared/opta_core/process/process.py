"""Runs a process of the daemon: signals, single instance, end with the parent, delay after crashes, telemetry.

A `__main__` calls `run(service, body)`. `body(context)` starts its work, calls `context.ready()`, and returns when
`context.stopping` is set. Everything that it leaves open ends with the process.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from opta_protocol.ids import new_boot_id
from opta_protocol.service_telemetry import Telemetry
from opta_protocol.topics import telemetry

from .. import logs, settings
from ..bus.bus import Bus
from ..bus.zmq_bus import ZmqBus
from ..errors import OptaError
from ..folder_watch import FolderWatch
from ..inheritance import clear_environment
from ..settings import LoadedSettings
from ..ticks import tick
from .log_rotation import rotate
from .parent_death import die_with_parent
from .supervisor_wakeup import SupervisorWakeup

# Changes are published at once; the periodic report is for later subscribers.
TELEMETRY_EVERY_S = 2.0
# Several starts within this window count as a crash loop. Each further start waits twice as long.
_BRAKE_WINDOW_S, _BRAKE_FREE_STARTS, _BRAKE_MAX_S = 30.0, 4, 30.0

log = logs.Log("process")


class ServiceContext:
    """The state of a running service process, passed to its body."""

    def __init__(self, service: str, loaded: LoadedSettings, bus: Bus, incarnation: int):
        # Number of starts of this service in this home's run directory, this one included.
        self.incarnation = incarnation
        self.service, self.loaded, self.bus = service, loaded, bus
        self.settings, self.paths = loaded.settings, loaded.paths
        self.boot = new_boot_id()
        self.stopping = asyncio.Event()
        self.figures: Callable[[], dict[str, Any]] = dict
        self.is_ready = False
        self._reason = "starting"
        self._publisher = bus.publisher(telemetry(service), self.publish)

    def ready(self) -> None:
        """Report this process as ready."""
        if not self.is_ready:
            log.info("ready", pid=os.getpid(), boot=self.boot)
        self.is_ready, self._reason = True, ""
        self.publish()
        # Existing objects stay alive; without this, each full collection spends tens of milliseconds on them.
        gc.freeze()

    def degraded(self, reason: str) -> None:
        """Report this process as degraded, with the reason."""
        if self._reason != reason:
            log.warning("not ready", reason=reason)
        self.is_ready, self._reason = False, reason
        self.publish()

    def publish(self) -> None:
        """Publish telemetry now."""
        report = Telemetry(
            service=self.service,
            boot=self.boot,
            pid=os.getpid(),
            ready=self.is_ready,
            reason=self._reason,
            memory=memory_bytes(),
            figures=self.figures(),
        )
        self._publisher.publish([self.service.encode(), msgspec.json.encode(report)])


def run(service: str, body: Callable[[ServiceContext], Awaitable[None]]) -> None:
    """Run a process to its end. Never returns: exits with 0 after a signal, 1 after an error."""
    os.umask(0o077)
    clear_environment()
    try:
        loaded = settings.load()
        loaded.paths.make()
    except (OptaError, OSError) as error:
        sys.exit(f"opta-{service}: {error}")
    logs.set_up(service, loaded.settings.log_level)
    die_with_parent()
    _check_parent(loaded.paths.run / "supervisord.pid")
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536, hard))
    lock = open(loaded.paths.run / f"{service}.lock", "w")  # noqa: SIM115 (held until the process ends)
    wait_for_lock(lock, service)
    _delay_after_crashes(loaded.paths.run / f"{service}.starts")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_main(service, loaded, body, _next_incarnation(loaded.paths.run / f"{service}.incarnation")))
    except OptaError as error:
        log.error("stopped", reason=error.message)
        sys.exit(1)
    # Library threads must not keep a stopped process alive.
    sys.stderr.flush()
    os._exit(0)


def _tune_garbage_collector() -> None:
    # Events allocate thousands of objects that reference counts free at once; the default threshold of 700 collects too often.
    gc.set_threshold(20_000, 20, 50)


async def _main(service: str, loaded: LoadedSettings, body: Callable[[ServiceContext], Awaitable[None]], incarnation: int) -> None:
    _tune_garbage_collector()
    bus = ZmqBus(loaded.paths.run)
    bus.on_lost = SupervisorWakeup(loaded.paths.run)
    context = ServiceContext(service, loaded, bus, incarnation)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, context.stopping.set)

    ground = FolderWatch((loaded.paths.daemon, loaded.paths.sessions, loaded.paths.run))

    async def report() -> None:
        while True:
            context.publish()
            if gone := ground.gone():
                _stop_daemon(context, gone)
            if "SUPERVISOR_ENABLED" not in os.environ:
                rotate(loaded.paths.logs / f"{service}.log")
            await tick(TELEMETRY_EVERY_S)

    reporter = asyncio.create_task(report(), name="telemetry")
    try:
        await body(context)
    finally:
        reporter.cancel()
    log.info("stopped")


def _stop_daemon(context: ServiceContext, gone: Path) -> None:
    log.error("a folder of this home was removed while the daemon ran; everything is stopped", folder=gone)
    if "SUPERVISOR_ENABLED" in os.environ:
        # supervisord cannot be reached otherwise: its socket was in the folder. It stops this process too and restarts none.
        with contextlib.suppress(ProcessLookupError):
            os.kill(os.getppid(), signal.SIGTERM)
    else:
        context.stopping.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    # Waking up from idle is most of the cost of a token; uvloop does it in a third of the time.
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _check_parent(pid_file: Path) -> None:
    """End if supervisord died before `die_with_parent` took effect: the parent is then init, which never ends."""
    if "SUPERVISOR_ENABLED" in os.environ:
        with contextlib.suppress(OSError, ValueError):
            if int(pid_file.read_text()) != os.getppid():
                os._exit(1)


def wait_for_lock(handle: Any, service: str) -> None:
    """Take the lock of a file or descriptor, and hold it until the process ends. Exits when another process keeps the lock."""
    deadline = time.monotonic() + 5
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"opta-{service}: another {service} of this home is still running")
            time.sleep(0.02)


def _delay_after_crashes(file: Any) -> None:
    """Delay a start in a crash loop: the fifth start within half a minute waits 0.1 s, the next 0.2 s, … at most 30 s."""
    now = time.time()
    starts: list[float] = []
    with contextlib.suppress(OSError, ValueError, TypeError):
        starts = [at for at in json.loads(file.read_text()) if 0 <= now - at < _BRAKE_WINDOW_S]
    over = len(starts) - _BRAKE_FREE_STARTS
    if over >= 0:
        delay = min(_BRAKE_MAX_S, 0.1 * 2**over)
        log.warning("starting slowly after repeated crashes", starts=len(starts), delay_s=delay)
        time.sleep(delay)
    with contextlib.suppress(OSError):
        file.write_text(json.dumps([*starts, now][-20:]))


def _next_incarnation(file: Path) -> int:
    """Count this start and return its number. The service's lock is held, so only one process counts at a time."""
    incarnation = 0
    with contextlib.suppress(OSError, ValueError):
        incarnation = int(file.read_text())
    try:
        # No fsync: after a power loss, no process of this run is left that could read the number.
        part = file.with_suffix(".part")
        part.write_text(str(incarnation + 1))
        part.replace(file)
    except OSError as error:
        log.warning("start not counted", reason=error)
    return incarnation + 1


def memory_total() -> int:
    """Physical memory of the machine in bytes; 4 GiB when it is unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 4 * 1024**3


def memory_bytes(pid: int | None = None) -> int:
    """Resident memory of a process in bytes; 0 when it is unknown."""
    try:
        with open(f"/proc/{pid or 'self'}/statm", "rb") as handle:
            return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        if sys.platform == "darwin":
            return _footprint(pid or os.getpid())
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if pid is None else 0


def _footprint(pid: int) -> int:
    """The physical footprint of a process on macOS (`ri_phys_footprint`), in bytes. Resident memory does not include GPU memory.

    `proc_pid_rusage` with RUSAGE_INFO_V2, from <libproc.h> and <sys/resource.h>: 16 bytes of uuid, then 64-bit counters; the
    footprint is the eighth counter.
    """
    buffer = (ctypes.c_uint64 * 64)()
    if ctypes.CDLL("/usr/lib/libproc.dylib").proc_pid_rusage(pid, 2, ctypes.byref(buffer)):
        return 0
    return int(buffer[2 + 7])
