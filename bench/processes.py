"""Memory (PSS) and processor time of a daemon's processes."""

import time
from pathlib import Path

from support.daemon import Daemon, carries, processes


def of(daemon: Daemon) -> dict[int, str]:
    """pid -> name of every process of this home, including supervisord."""
    wanted = f"OPTA_HOME={daemon.home}".encode()
    return {pid: _name(command) for pid, command in processes() if carries(pid, wanted)}


def pss_mb(daemon: Daemon) -> dict[str, float]:
    """Process -> proportional memory in megabytes."""
    found: dict[str, float] = {}
    for pid, name in of(daemon).items():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found[name] = found.get(name, 0.0) + int(line.split()[1]) / 1000
    return found


def cpu_s(daemon: Daemon) -> dict[str, float]:
    """Process -> processor seconds since its start, from the scheduler's clock (ticks are too coarse for an idle process)."""
    found: dict[str, float] = {}
    for pid, name in of(daemon).items():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found[name] = found.get(name, 0.0) + int((thread / "schedstat").read_text().split()[0]) / 1e9
    return found


def wakeups(daemon: Daemon) -> dict[str, float]:
    """Process -> how often its threads went to sleep since its start, and so were woken."""
    found: dict[str, float] = {}
    for pid, name in of(daemon).items():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for line in (thread / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    found[name] = found.get(name, 0.0) + int(line.split()[1])
    return found


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """Process -> difference of the two values."""
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def split(parts: dict[str, float], unit: str) -> str:
    """`agent 0.2, gateway 0.1 ms`, the largest first."""
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {value:.3g}" for name, value in ordered) + f" {unit}"


def idle(daemon: Daemon, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """Process -> percent of a core while idle, and process -> wake-ups a second."""
    before, woken, started = cpu_s(daemon), wakeups(daemon), time.perf_counter()
    time.sleep(seconds)
    after, woken_after, took = cpu_s(daemon), wakeups(daemon), time.perf_counter() - started
    shares = {name: 100 * used / took for name, used in difference(after, before).items()}
    return shares, {name: count / took for name, count in difference(woken_after, woken).items()}


def _name(command: str) -> str:
    for word in command.split():
        if word.startswith("opta_"):
            return word.removeprefix("opta_")
    # During exec, a process has no command line for a moment.
    return "supervisord" if "supervisord" in command else (command.split() or ["?"])[0].rpartition("/")[2]
