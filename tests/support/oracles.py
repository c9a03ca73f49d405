"""What holds after every attack: the daemon works within its limits (O-ALIVE), and no file was made or changed (O-CLEAN)."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

from support.daemon import Daemon
from support.gateway_requests import get
from support.limits import limit_s

MIB = 1024 * 1024
FDS_MORE_MAX = 5


@contextlib.contextmanager
def alive(daemon: Daemon, *, service: str = "gateway", rss_mib: float = 64) -> Generator[None]:
    """O-ALIVE. A service that was restarted on purpose is measured from its new self."""
    logs = {file: file.stat().st_size for file in log_files(daemon)}
    pid = daemon.pids()[service]
    rss, fds = rss_of(pid), fds_of(pid)
    yield
    assert until(lambda: _answers_fast(daemon), 10), daemon.logs()
    news = {file.name: file.read_bytes()[logs.get(file, 0) :].decode(errors="replace") for file in log_files(daemon)}
    assert not [name for name, text in news.items() if "Traceback" in text], news
    if daemon.pids()[service] == pid:
        assert rss_of(pid) - rss < rss_mib * MIB
        assert until(lambda: fds_of(pid) <= fds + FDS_MORE_MAX, 10), (fds, fds_of(pid))


@contextlib.contextmanager
def untouched(daemon: Daemon) -> Generator[None]:
    """O-CLEAN."""
    before = _world(daemon)
    yield
    assert _world(daemon) == before


def until(is_so: Callable[[], bool], timeout_s: float = 30) -> bool:
    """Poll for a state that only another process or thread knows; False after `timeout_s`."""
    asked = time.monotonic()
    while not is_so():
        waited_s = time.monotonic() - asked
        if waited_s > limit_s(timeout_s):
            return False
        time.sleep(_pause_s(waited_s))
    return True


async def until_async(is_so: Callable[[], bool], timeout_s: float = 30) -> bool:
    """`until` for a test on an event loop, which runs meanwhile."""
    asked = time.monotonic()
    while not is_so():
        waited_s = time.monotonic() - asked
        if waited_s > limit_s(timeout_s):
            return False
        await asyncio.sleep(_pause_s(waited_s))
    return True


def _pause_s(waited_s: float) -> float:
    """Until the next poll: a tenth of the wait so far, because every poll takes time from those that are waited for."""
    return min(0.1, max(0.02, waited_s / 10))


def log_files(daemon: Daemon) -> list[Path]:
    """Of every process."""
    return sorted((daemon.home / "daemon/logs").glob("*"))


def rss_of(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fds_of(pid: int) -> int:
    """Open descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def processes_in(folder: Path) -> list[int]:
    """Processes that work in this folder."""
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if Path(f"/proc/{name}/cwd").readlink() == folder:
                found.append(int(name))
    return found


def cpu_s(pid: int) -> float:
    """Seconds that the main thread has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _answers_fast(daemon: Daemon) -> bool:
    started = time.perf_counter()
    try:
        return get(daemon, "/v3/sessions").status == 200 and time.perf_counter() - started < limit_s(0.2)
    except OSError:
        return False


def _world(daemon: Daemon) -> dict[str, str]:
    files = [*daemon.home.rglob("*"), *daemon.workspace.rglob("*")]
    # The index of sessions is written beside the work; what it says is derived from the journals.
    moving = (daemon.home / "daemon/logs", daemon.home / "daemon/run", daemon.home / "daemon/sessions/index.lines")
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file() and not any(each == file or each in file.parents for each in moving)
    }
