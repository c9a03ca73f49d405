"""Evidence that needs no other process of the daemon to answer: what supervisord, the kernel and the disk say.

The gateway and the command line both look this way; a suspended or dead process delays nothing here. Everything blocks for at most
`SUPERVISOR_S`, so it belongs in a thread where an event loop runs.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from opta_protocol.http_triage import Hop, HopState, MachineFacts
from opta_protocol.topics import AGENT_RPC, STORE_CMD, STORE_IN, STORE_PUB, STORE_QUERY, TOOLS_RPC, telemetry

from .. import settings as settings_module
from ..errors import OptaError
from ..fallback_folder import NO_WRITES
from ..paths import Paths
from ..policy.layers import Problem, Sources
from ..process.process import memory_total
from ..process.supervision import PROGRAMS, RUNNING, SupervisordClient
from .clock_anchor import ClockAnchor
from .disposable import disposable_bytes

SUPERVISOR_S, SETTLED_S = 1.5, 30.0
_SOCKETS = {"sessions": (STORE_IN, STORE_PUB, STORE_QUERY, STORE_CMD), "agent": (AGENT_RPC,), "tools": (TOOLS_RPC,)}
# supervisord starts all services at once; what started later than this after it was started again.
_FIRST_START_S = 5.0


def process_hops(paths: Paths, settled_s: float = SETTLED_S) -> list[Hop]:
    """supervisord and every service, as seen from outside: running, suspended, down, or not used. Latency is not measured here.

    A process makes its sockets while it starts: they are missed `settled_s` seconds after its start.
    """
    pid_file = paths.run / "supervisord.pid"
    try:
        processes = SupervisordClient(paths.run, SUPERVISOR_S).processes()
    except OptaError as error:
        return [_supervisord_without_answer(pid_file, error.message), *(Hop(name=name, state="unknown") for name in PROGRAMS)]
    started_s = _modified_s(pid_file)
    known = {str(process["name"]): process for process in processes}
    found = [Hop(name="supervisord", state="ok", pid=_pid_in(pid_file))]
    return found + [_service_hop(paths, known[name], started_s, settled_s) for name in PROGRAMS if name in known]


def process_state(pid: int) -> HopState:
    """`ok` for a process that runs or sleeps, `suspended` (stopped by a signal), or `down`."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return "down"
        letter = _state_from_ps(pid)
    return "suspended" if letter[:1] in ("T", "t") else "down" if letter[:1] in ("", "Z", "X") else "ok"


def machine_facts(paths: Paths, clock: ClockAnchor | None = None) -> MachineFacts:
    """Disk, memory and clock."""
    free = None
    with contextlib.suppress(OSError):
        counted = os.statvfs(paths.sessions if paths.sessions.exists() else paths.home)
        free = counted.f_bavail * counted.f_frsize
    return MachineFacts(
        diskFree=free,
        diskDisposable=disposable_bytes(paths),
        diskProblem=NO_WRITES if paths.is_read_only else "",
        memoryFree=_memory_available(),
        memoryTotal=memory_total(),
        clockJumpS=clock.jump_s() if clock is not None else 0.0,
    )


def rule_problems(paths: Paths, cwd: str) -> list[str]:
    """Files of rules that cannot be read, for a folder: one sentence each, with file, line and fix."""
    return [_sentence(problem) for problem in Sources(paths).layers(cwd).problems if not problem.is_warning]


def settings_problem(paths: Paths) -> str:
    """Why config.toml cannot be read now; '' when it can. Processes that run keep the settings that they have."""
    try:
        settings_module.load(variables={"OPTA_HOME": str(paths.home)})
    except OptaError as error:
        return error.message
    return ""


def _sentence(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}: {problem.message}" + (f" ({problem.fix})" if problem.fix else "")


def _supervisord_without_answer(pid_file: Path, reason: str) -> Hop:
    pid = _pid_in(pid_file)
    state = process_state(pid) if pid else "down"
    if state == "down":
        return Hop(name="supervisord", state="down")
    return Hop(name="supervisord", state="suspended" if state == "suspended" else "silent", pid=pid, reason=reason)


def _service_hop(paths: Paths, process: dict[str, Any], supervisord_s: float, settled_s: float) -> Hop:
    name, pid, state_name = str(process["name"]), int(process["pid"]), str(process["statename"])
    age_s = float(process["now"] - process["start"])
    if state_name not in RUNNING:
        if state_name == "STOPPED" and not process["start"]:
            return Hop(name=name, state="not used", reason="it was not started with the daemon")
        reason = "it was stopped" if state_name == "STOPPED" else f"supervisord says {state_name.lower()}: {process.get('spawnerr', '')}"
        return Hop(name=name, state="down", reason=reason.rstrip(": "), restarts=len(_recent_starts(paths, name)))
    state: HopState = process_state(pid) if pid else "down"
    starts = _recent_starts(paths, name)
    since_supervisord = [at for at in starts if at > supervisord_s - 1]
    was_started_again = supervisord_s > 0 and (
        len(since_supervisord) > 1
        # The new process has not written down its start yet.
        or any(at < process["start"] - 1 for at in since_supervisord)
        or process["start"] - supervisord_s > _FIRST_START_S
    )
    served = [*_SOCKETS.get(name, ()), telemetry(name)] if state == "ok" and age_s > settled_s else []
    return Hop(
        name=name,
        state=state,
        pid=pid,
        restartedS=round(max(0.0, age_s), 1) if was_started_again else None,
        restarts=len(starts),
        missingSockets=[each for each in served if not (paths.run / each).exists()],
    )


def _recent_starts(paths: Paths, name: str) -> list[float]:
    """Times of the last starts that were close together (see `process.py`), in seconds since 1970."""
    try:
        return msgspec.json.decode((paths.run / f"{name}.starts").read_bytes(), type=list[float])
    except (OSError, msgspec.DecodeError):
        return []


def _state_from_ps(pid: int) -> str:
    # Without /proc (macOS).
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["/bin/ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, timeout=SUPERVISOR_S, check=False
        )
        return done.stdout.strip()
    return ""


def _memory_available() -> int | None:
    """Bytes that programs can still get without swapping; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            done = subprocess.run(["/usr/bin/memory_pressure", "-Q"], capture_output=True, text=True, timeout=SUPERVISOR_S, check=False)
            percent = int(done.stdout.rstrip().rpartition(":")[2].strip().rstrip("%"))
            return memory_total() * percent // 100
    return None


def _pid_in(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _modified_s(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
