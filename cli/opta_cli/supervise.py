"""Starts and stops the daemon through supervisord, and waits until /readyz reports that it is ready."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opta_core import fallback_folder
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.folder_watch import FolderWatch
from opta_core.inheritance import inherited, python
from opta_core.launch_codes import new_launch_code
from opta_core.paths import write_whole
from opta_core.process import ports, state
from opta_core.process.log_rotation import rotate
from opta_core.process.supervision import PROGRAMS, SupervisordClient, configuration
from opta_core.process.supervisor_wakeup import SOCKET
from opta_core.settings import LoadedSettings

from .client import Client
from .daemon_state import NEEDED, Look, NoDaemon, look
from .plain_text import print_plain

READY_S = 60.0
STOP_S = 30.0
WAKE_EVERY_S = 0.1


def is_running(loaded: LoadedSettings) -> bool:
    """Whether this home's supervisord responds."""
    return SupervisordClient(loaded.paths.run, 2).is_up()


def start(loaded: LoadedSettings, only: list[str] | None = None, *, detach: bool) -> "subprocess.Popen[bytes]":
    """Start supervisord. Raises OptaError. When another command starts it at the same time, `wait_ready` waits for that start."""
    _make(loaded)
    # A core file would contain the token and all keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    file = loaded.paths.run / "supervisord.conf"
    write_whole(file, configuration().encode())
    return subprocess.Popen(
        python("supervisor.supervisord", ["-n", "-c", str(file)]),
        env=environment(loaded, only),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=open(loaded.paths.logs / "supervisord.stderr", "ab"),
        start_new_session=True,
        # Python would import modules from its working directory, which may be a repository.
        cwd="/",
    )


def environment(loaded: LoadedSettings, only: list[str] | None) -> dict[str, str]:
    """The variables that supervisord.conf reads, and those that every process inherits from the current environment."""
    wanted = set(only or PROGRAMS)
    if loaded.settings.lmx.host:
        wanted.discard("lmx")
    variables = {
        **inherited(os.environ),
        "OPTA_HOME": str(loaded.paths.home),
        "OPTA_RUNTIME": str(loaded.paths.runtime),
        "OPTA_RUN": str(loaded.paths.run),
        "OPTA_LOGS": str(loaded.paths.logs),
        "OPTA_PYTHON": sys.executable,
    }
    return variables | {f"OPTA_AUTOSTART_{service.upper()}": str(service in wanted).lower() for service in PROGRAMS}


@contextlib.contextmanager
def start_lock(loaded: LoadedSettings):
    """Allow one start at a time in a home."""
    choose_runtime_folder(loaded)
    _make(loaded)
    with open(loaded.paths.run / "up.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def choose_runtime_folder(loaded: LoadedSettings) -> None:
    """Choose the daemon's runtime folder. Raises Unavailable when the home cannot be read.

    A home that cannot be written (full or read-only disk) uses its fallback folder. When it can be written again, the home is used.
    """
    paths = loaded.paths
    if is_running(loaded) or not paths.sessions.is_dir():
        return
    reason = fallback_folder.refusal(paths.daemon)
    if not reason:
        (paths.daemon / fallback_folder.MARK).unlink(missing_ok=True)
        _end_fallback_daemons(loaded)
        return
    try:
        place = fallback_folder.make(paths.home, paths.daemon)
    except OSError as error:
        raise Unavailable(
            f"{paths.home} cannot be written ({reason}), and neither can a fallback folder: {error}. Free some space."
        ) from error
    if paths.runtime != place:
        raise Unavailable(f"{paths.home} cannot be written ({reason}), not even an empty file. Free some space, then: opta up")


def _end_fallback_daemons(loaded: LoadedSettings) -> None:
    """End a daemon that uses the fallback folder without a mark in the home, and remove the fallback folder."""
    for place in filter(fallback_folder.is_ours, fallback_folder.candidates(loaded.paths.home)):
        if (place / SOCKET).exists():
            with contextlib.suppress(OptaError):
                supervisor = SupervisordClient(place, 5)
                pid = supervisor.pid()
                supervisor.shutdown()
                _wait_for_end(pid)
        shutil.rmtree(place, ignore_errors=True)


def _make(loaded: LoadedSettings) -> None:
    """Create the folders. Raises Refused when one of them, or a file in them, is a link, because writes would go elsewhere."""
    os.umask(0o077)
    paths = loaded.paths
    folders = (paths.daemon, paths.sessions, paths.trash, paths.archive, paths.logs, paths.lmx, paths.run)
    for folder in folders:
        if link := _link_in(folder):
            raise Refused(
                f"{link} is a symbolic link, and Opta does not write through links. Remove it, or set OPTA_HOME to another folder."
            )
    paths.make()


def _link_in(folder: Path) -> Path | None:
    if folder.is_symlink():
        return folder
    try:
        with os.scandir(folder) as entries:
            return next((Path(entry.path) for entry in entries if entry.is_symlink()), None)
    except FileNotFoundError:
        return None


def wait_ready(loaded: LoadedSettings, process: "subprocess.Popen[bytes] | None", only: list[str] | None = None) -> str:
    """Wait until /readyz reports ready. Returns '', or the reason why sessions can only be read.

    Raises Unavailable, which names the process that is not ready and its log.
    """
    client = Client(loaded.paths)
    deadline = time.monotonic() + READY_S
    said: dict[str, Any] = {}
    supervisor = SupervisordClient(loaded.paths.run, 2)
    needed = set(NEEDED)
    woken_at = 0.0
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise Unavailable(f"supervisord ended at once. Its output: {_tail(loaded.paths.logs / 'supervisord.stderr')}")
        if process is None and not supervisor.is_up():
            raise Unavailable(f"supervisord does not answer. Find out why: opta doctor. Logs: {loaded.paths.logs}")
        if only is not None and not needed <= set(only):
            with contextlib.suppress(OptaError):
                if all(p["statename"] == "RUNNING" for p in supervisor.processes() if p["name"] in only):
                    return ""
        # supervisord checks its processes once a second unless it is woken; before its first check it has none.
        if time.monotonic() - woken_at > WAKE_EVERY_S and (loaded.paths.run / SOCKET).exists():
            with contextlib.suppress(OptaError):
                supervisor.wake()
                woken_at = time.monotonic()
        ready, said = client.is_ready()
        reason = _read_only_reason(said)
        if (ready or reason) and _is_of_this_start(loaded, supervisor):
            return reason
        time.sleep(0.01)
    raise Unavailable(f"Not ready after {READY_S:g} s: {said.get('services', said) or 'no answer'}. Logs: {loaded.paths.logs}")


def _read_only_reason(said: dict[str, Any]) -> str:
    """The reason why a daemon is read-only, from /readyz; '' when it is not."""
    services = said.get("services")
    if not isinstance(services, dict) or list(services) != ["sessions"]:  # pyright: ignore[reportUnknownArgumentType]
        return ""
    reason = str(services["sessions"])  # pyright: ignore[reportUnknownArgumentType]
    return reason if reason.startswith(fallback_folder.NO_WRITES) else ""


def _is_of_this_start(loaded: LoadedSettings, supervisor: SupervisordClient) -> bool:
    known = state.read(loaded.paths)
    try:
        return known is not None and any(p["name"] == "gateway" and p["pid"] == known.pid for p in supervisor.processes())
    except OptaError:
        return False


def stop(loaded: LoadedSettings) -> bool:
    """Stop all services in order, supervisord last. Returns False when nothing was running."""
    supervisor = SupervisordClient(loaded.paths.run)
    try:
        pid = supervisor.pid()
        supervisor.shutdown()
    except OptaError:
        return False
    _wait_for_end(pid)
    return True


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        if not _is_alive(pid):
            return
        time.sleep(0.03)
    raise Unavailable(f"supervisord (pid {pid}) did not stop in {STOP_S:g} s.")


def ensure_daemon(loaded: LoadedSettings, *, may_start: bool = True) -> None:
    """Make sure that a ready daemon runs; start one in the background when there is none. Raises Unavailable."""
    found = look(loaded.paths)
    if found.state == "ready":
        return
    if not may_start and found.state != "starting":
        raise NoDaemon(found.sentence)
    make_ready(loaded, found)


def make_ready(loaded: LoadedSettings, found: Look) -> None:
    """Start what does not run, and wait until the daemon is ready. Raises Unavailable."""
    if found.state == "stopped":
        start_services(loaded)
    with start_lock(loaded):
        process = None if is_running(loaded) else start(loaded, detach=True)
        reason = wait_ready(loaded, process)
    for line in said_at_start(loaded, reason):
        print_plain(f"opta: {line}", sys.stderr)


def start_services(loaded: LoadedSettings) -> None:
    """Start the services that `opta daemon stop` has stopped. Raises Unavailable."""
    supervisor = SupervisordClient(loaded.paths.run)
    for service in NEEDED:
        supervisor.start(service)


def said_at_start(loaded: LoadedSettings, reason: str) -> Iterator[str]:
    """What a person should know about a daemon that has just started. `reason`: why it is read-only, '' when it is not."""
    if reason:
        yield f"{reason} at {loaded.paths.home}: sessions can be read, prompts are refused until there is space. Logs: {loaded.paths.logs}"
    known, daemon = state.read(loaded.paths), loaded.settings.daemon
    if known is None:
        return
    for what, key, wanted, taken in (
        ("the daemon", "daemon.port", daemon.port, known.port),
        ("the page", "daemon.ui-port", daemon.ui_port, known.uiPort),
    ):
        if wanted and taken and wanted != taken:
            yield f"port {wanted} is taken by {ports.holder(wanted)}, so {what} is at port {taken}. Choose one: opta config set {key} PORT"


def page_url(loaded: LoadedSettings) -> str:
    """The page's address with a one-time launch code."""
    known = state.read(loaded.paths)
    port = known.uiPort if known and known.uiPort else loaded.settings.daemon.ui_port
    return f"http://127.0.0.1:{port}/?launch={new_launch_code(loaded.paths)}"


def run_in_foreground(loaded: LoadedSettings, process: "subprocess.Popen[bytes]") -> int:
    """Wait for supervisord. Ctrl-C or SIGTERM stops all services in order."""

    def on_signal(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    # launchd appends to it; this process writes a few lines at its start and at its end.
    rotate(loaded.paths.logs / "service.log")
    ground = FolderWatch((loaded.paths.daemon, loaded.paths.sessions, loaded.paths.run))
    try:
        code = process.wait()
        if gone := ground.gone():
            print(f"opta: {gone} was removed while the daemon ran, so everything was stopped. Start again: opta up", file=sys.stderr)
            return 1
        return code
    except KeyboardInterrupt:
        print("stopping …", file=sys.stderr)
        stop(loaded)
        process.wait(STOP_S)
        return 0


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except FileNotFoundError:
        # Without /proc (macOS, a container that masks it) this cannot be checked.
        if Path("/proc/self/stat").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _tail(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()[-600:]
    except OSError:
        return "(none)"
