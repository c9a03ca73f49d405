"""A command as an ordinary child process: on systems without namespaces, and for Opta's own programs.

It waits for a signal on its input before it runs, dies with the worker, and is found by its mark if it leaves its process group.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from ..result import ToolProblem
from .limits import CommandLimits

MARK = "OPTA_CALL"
_PR_SET_PDEATHSIG = 1
_WAIT = 'read -r _ || exit 125; exec "$@" </dev/null'

_libc = ctypes.CDLL(None)


class BareProcess:
    """One child process. Create it on the thread of the event loop, because it dies with the thread that forked it."""

    def __init__(self, argv: list[str], environment: dict[str, str], folder: int | str, streams: tuple[int, int, int], mark: str, files: tuple[int, ...] = (), limits: CommandLimits | None = None):  # fmt: skip
        """Raises ToolProblem when it cannot start. A negative first stream means empty input. `files`: further descriptors to inherit."""
        self._mark = mark
        self._go_end = wait_end = -1
        if streams[0] < 0:
            # The process waits for a line on this pipe. If the worker dies first, the command never runs.
            wait_end, self._go_end = os.pipe()
            argv = ["/bin/sh", "-c", _WAIT, "opta", *argv]
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=wait_end if streams[0] < 0 else streams[0],
                stdout=streams[1],
                stderr=streams[2],
                env=environment | {MARK: mark},
                pass_fds=files,
                start_new_session=True,
                preexec_fn=_child_setup(folder, os.getpid(), limits or CommandLimits()),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._close_gate()
            raise ToolProblem(f"the command could not start: {error}") from error
        finally:
            if wait_end >= 0:
                os.close(wait_end)
        self.pid = self._process.pid

    def go(self) -> None:
        """Let the command run."""
        if self._go_end >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._go_end, b"\n")
        self._close_gate()

    async def ended(self) -> int:
        """Wait for the end; the exit code, or minus the signal that ended the process."""
        process = self._process
        if sys.platform == "linux":
            watch = os.pidfd_open(process.pid)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(watch, ended.set)
            try:
                await ended.wait()
            finally:
                asyncio.get_running_loop().remove_reader(watch)
                os.close(watch)
            process.poll()
        else:
            while process.poll() is None:
                await asyncio.sleep(0.01)
        self.kill()
        return process.returncode

    def kill(self) -> None:
        """Kill the process group, and every other process that carries the mark."""
        self._close_gate()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        kill_marked(self._mark)

    def close(self) -> None:
        """Release the pipe. The command is not killed."""
        self._close_gate()

    def _close_gate(self) -> None:
        if self._go_end >= 0:
            os.close(self._go_end)
            self._go_end = -1


def _child_setup(folder: int | str, parent: int, limits: CommandLimits) -> Callable[[], None]:
    def set_up() -> None:
        os.chdir(folder)
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        limits.apply()
        os.umask(0o022)

    return set_up


def kill_marked(mark: str, deadline_s: float = 1.0) -> int:
    """Kill every process whose mark begins with `mark`, for up to `deadline_s` seconds; their number (Linux only, 0 elsewhere)."""
    if sys.platform != "linux":
        return 0
    wanted = f"{MARK}={mark}".encode()
    killed = 0
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = [
            pid for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()) if pid != os.getpid() and _carries(pid, wanted)
        ]
        if not found:
            break
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.005)
    return killed


def _carries(pid: int, wanted: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            if not any(entry.startswith(wanted) for entry in handle.read().split(b"\0")):
                return False
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
