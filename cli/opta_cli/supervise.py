"""Starting and stopping: supervisord under this command, ready when /readyz says so."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from opta_core import stand_in
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.ground import Ground
from opta_core.inheritance import inherited, python
from opta_core.launch_codes import new_launch_code
from opta_core.paths import write_whole
from opta_core.process import state
from opta_core.process.supervision import PROGRAMS, SupervisordClient, configuration
from opta_core.process.supervisor_wakeup import SOCKET
from opta_core.settings import LoadedSettings

from .client import Client

READY_S = 60.0
STOP_S = 30.0
POKE_EVERY_S = 0.1


def is_running(loaded: LoadedSettings) -> bool:
    """Whether this home's supervisord answers."""
    return SupervisordClient(loaded.paths.run, 2).is_up()


def start(loaded: LoadedSettings, only: list[str] | None = None, *, detach: bool) -> "subprocess.Popen[bytes]":
    """Start supervisord. Raises OptaError; a start at the same time by another command is waited for by `wait_ready`."""
    _make(loaded)
    # A core file would hold the token and every key.
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
        # Python would look for modules where it stands, which may be a repository.
        cwd="/",
    )


def environment(loaded: LoadedSettings, only: list[str] | None) -> dict[str, str]:
    """What supervisord.conf reads, and what every process of ours inherits of the environment of now."""
    wanted = set(only or PROGRAMS)
    if loaded.settings.lmx.host:
        wanted.discard("lmx")
    variables = {
        **inherited(os.environ),
        "OPTA_HOME": str(loaded.paths.home),
        "OPTA_GROUND": str(loaded.paths.ground),
        "OPTA_RUN": str(loaded.paths.run),
        "OPTA_LOGS": str(loaded.paths.logs),
        "OPTA_PYTHON": sys.executable,
    }
    return variables | {f"OPTA_AUTOSTART_{service.upper()}": str(service in wanted).lower() for service in PROGRAMS}


@contextlib.contextmanager
def start_lock(loaded: LoadedSettings):
    """One start at a time in a home."""
    settle(loaded)
    _make(loaded)
    with open(loaded.paths.run / "up.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def settle(loaded: LoadedSettings) -> None:
    """Choose where a daemon writes what it needs while it runs. Raises Unavailable when the home cannot even be read.

    A home that takes no writes (a full disk, a read-only one) is served from a stand-in; one that takes them again is itself used.
    """
    paths = loaded.paths
    if is_running(loaded) or not paths.sessions.is_dir():
        return
    reason = stand_in.refusal(paths.daemon)
    if not reason:
        (paths.daemon / stand_in.MARK).unlink(missing_ok=True)
        _end_stand_ins(loaded)
        return
    try:
        place = stand_in.make(paths.home, paths.daemon)
    except OSError as error:
        raise Unavailable(f"{paths.home} takes no writes ({reason}), and no place stands in for it: {error}. Free some space.") from error
    if paths.ground != place:
        raise Unavailable(f"{paths.home} takes no writes ({reason}), not even an empty file. Free some space, then: opta up")


def _end_stand_ins(loaded: LoadedSettings) -> None:
    """End a daemon that began while the home took no writes, and that the home knows nothing of; its stand-in goes."""
    for place in filter(stand_in.is_ours, stand_in.places(loaded.paths.home)):
        if (place / SOCKET).exists():
            with contextlib.suppress(OptaError):
                supervisor = SupervisordClient(place, 5)
                pid = supervisor.pid()
                supervisor.shutdown()
                _wait_for_end(pid)
        shutil.rmtree(place, ignore_errors=True)


def _make(loaded: LoadedSettings) -> None:
    """Make the folders. Raises Refused when one of them, or a file in them, is a link: what we write would go elsewhere."""
    os.umask(0o077)
    paths = loaded.paths
    folders = (paths.daemon, paths.sessions, paths.trash, paths.archive, paths.logs, paths.lmx, paths.run)
    for folder in folders:
        if link := _link_in(folder):
            raise Refused(f"{link} is a symbolic link, and Opta writes through none. Remove it, or set OPTA_HOME to a folder of its own.")
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
    """Wait for /readyz. What is missing for all of it: '' or that sessions can only be read.

    Raises Unavailable that says which process is not ready, and where its log is.
    """
    client = Client(loaded.paths)
    deadline = time.monotonic() + READY_S
    said: dict[str, Any] = {}
    supervisor = SupervisordClient(loaded.paths.run, 2)
    needed = {"gateway", "agent", "sessions", "tools"}
    poked_at = 0.0
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise Unavailable(f"supervisord ended at once. Its words: {_tail(loaded.paths.logs / 'supervisord.stderr')}")
        if only is not None and not needed <= set(only):
            with contextlib.suppress(OptaError):
                if all(p["statename"] == "RUNNING" for p in supervisor.processes() if p["name"] in only):
                    return ""
        # supervisord looks after its processes once a second unless something wakes it; before its first look it has none.
        if time.monotonic() - poked_at > POKE_EVERY_S and (loaded.paths.run / SOCKET).exists():
            with contextlib.suppress(OptaError):
                supervisor.wake()
                poked_at = time.monotonic()
        ready, said = client.is_ready()
        reason = _reads_only(said)
        if (ready or reason) and _is_of_this_start(loaded, supervisor):
            return reason
        time.sleep(0.01)
    raise Unavailable(f"Not ready after {READY_S:g} s: {said.get('services', said) or 'no answer'}. Logs: {loaded.paths.logs}")


def _reads_only(said: dict[str, Any]) -> str:
    """What a daemon says that only reads, since its disk takes no writes; '' of any other."""
    services = said.get("services")
    if not isinstance(services, dict) or list(services) != ["sessions"]:  # pyright: ignore[reportUnknownArgumentType]
        return ""
    reason = str(services["sessions"])  # pyright: ignore[reportUnknownArgumentType]
    return reason if reason.startswith(stand_in.NO_WRITES) else ""


def _is_of_this_start(loaded: LoadedSettings, supervisor: SupervisordClient) -> bool:
    known = state.read(loaded.paths)
    try:
        return known is not None and any(p["name"] == "gateway" and p["pid"] == known.pid for p in supervisor.processes())
    except OptaError:
        return False


def stop(loaded: LoadedSettings) -> bool:
    """Stop everything in order, supervisord last; False when nothing ran."""
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


def ensure(loaded: LoadedSettings, *, may_start: bool = True) -> None:
    """Have a daemon that is ready; start one in the background when there is none. Raises Unavailable."""
    client = Client(loaded.paths)
    if client.is_ready()[0] and is_running(loaded):
        return
    if not may_start:
        raise NoDaemon("No daemon runs in this home. Start it: opta up")
    with start_lock(loaded):
        process = None if is_running(loaded) else start(loaded, detach=True)
        wait_ready(loaded, process)


class NoDaemon(Unavailable):
    """There is no daemon and none may be started (exit code 3)."""


def page_url(loaded: LoadedSettings) -> str:
    """The page's address with a one-time launch code."""
    known = state.read(loaded.paths)
    port = known.uiPort if known and known.uiPort else loaded.settings.daemon.ui_port
    return f"http://127.0.0.1:{port}/?launch={new_launch_code(loaded.paths)}"


def run_in_foreground(loaded: LoadedSettings, process: "subprocess.Popen[bytes]") -> int:
    """Wait for supervisord; Ctrl-C or SIGTERM stops everything in order."""

    def on_signal(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    ground = Ground((loaded.paths.daemon, loaded.paths.sessions, loaded.paths.run))
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
        # Without /proc (macOS, a container that masks it) this says nothing.
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
