"""Fixes that only need supervisord and the kernel: the gateway and the command line both make them. They block."""

import contextlib
import os
import signal
import time

from ..errors import OptaError, Refused, Unavailable
from ..paths import Paths
from ..process.supervision import PROGRAMS, SupervisordClient
from .machine_look import process_state

BACK_S = 8.0


def restart_service(paths: Paths, name: str, *, waits: bool = True) -> str:
    """End a service, also one that is suspended or does not answer, and have it started again. Returns what was done, in a sentence.

    `waits`: until supervisord runs a new process, at most `BACK_S`; a service that restarts itself does not wait. Raises Refused, Unavailable.
    """
    if name not in PROGRAMS:
        raise Refused(f"There is no service {name[:40]!r}. The services are {', '.join(PROGRAMS)}.")
    supervisor = SupervisordClient(paths.run)
    before = _pid_of(supervisor, name)
    if before and process_state(before) == "suspended":
        # The signal that ends it in an orderly way would wait until it is continued.
        supervisor.kill(name)
    else:
        supervisor.restart(name)
    if not waits:
        return f"{name} is being restarted."
    deadline, killed_s = time.monotonic() + BACK_S, time.monotonic() + BACK_S / 2
    while (pid := _pid_of(supervisor, name)) in (0, before):
        if time.monotonic() > deadline:
            raise Unavailable(f"{name} did not start again within {BACK_S:g} s. Its log says why: opta daemon logs {name}")
        if pid == before and time.monotonic() > killed_s:
            # It does not end in an orderly way.
            supervisor.kill(name)
            killed_s = deadline
        with contextlib.suppress(OptaError):
            supervisor.wake()
        time.sleep(0.05)
    return f"{name} was restarted (pid {pid})."


def start_service(paths: Paths, name: str) -> str:
    """Start a service that was stopped. Raises Refused, Unavailable."""
    if name not in PROGRAMS:
        raise Refused(f"There is no service {name[:40]!r}. The services are {', '.join(PROGRAMS)}.")
    supervisor = SupervisordClient(paths.run)
    supervisor.start(name)
    return f"{name} was started (pid {_pid_of(supervisor, name)})."


def continue_supervisord(paths: Paths) -> str:
    """Let a suspended supervisord go on. Raises Unavailable when it is not suspended."""
    try:
        pid = int((paths.run / "supervisord.pid").read_text())
    except (OSError, ValueError) as error:
        raise Unavailable("No supervisord of this home is known. Start the daemon: opta up") from error
    if process_state(pid) != "suspended":
        raise Unavailable(f"supervisord (pid {pid}) is not suspended.")
    os.kill(pid, signal.SIGCONT)
    return f"supervisord (pid {pid}) goes on."


def _pid_of(supervisor: SupervisordClient, name: str) -> int:
    return next((int(process["pid"]) for process in supervisor.processes() if process["name"] == name), 0)
