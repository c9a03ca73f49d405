"""A running command: in its own process group, contained in time and output.

Promises: it returns when the process ends, not when the last holder of its pipe does; after it, nothing
it started is left; when this worker dies, so does the child, and what the child left behind is
found by its mark and killed at the next start.
"""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from .outcome import Outcome, ToolProblem
from .output import Output
from .sandbox.contain import Launch

TIMEOUT_S, TIMEOUT_S_MAX = 120.0, 600.0
FLUSH_S = 0.04
# After the process itself ended: how long what is still in the pipe may take to arrive.
GRACE_S = 0.1
MARK = "OPTA_CALL"
FILE_BYTES_MAX = 16 * 1024**3
_PR_SET_PDEATHSIG = 1
_WAIT = 'read -r _ || exit 125; exec "$@" </dev/null'

_libc = ctypes.CDLL(None)


class Command:
    """One command. Create and start on the loop's thread: the child dies with the thread that forked it."""

    def __init__(
        self,
        launch: Launch,
        environment: dict[str, str],
        folder: int,
        mark: str,
        on_start: Callable[[int], Awaitable[None]],
        output: Output,
        *,
        is_namespaced: bool = False,
    ):
        self._launch, self._folder, self._mark, self._on_start = launch, folder, mark, on_start
        self._environment = environment | {MARK: mark}
        self.output = output
        # In a process namespace of its own nothing outlives the first process.
        self._is_namespaced = is_namespaced
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._closed = asyncio.Event()

    async def run(self, timeout_s: float) -> Outcome:
        """Start, and stay to the end. Raises ToolProblem when it cannot start; cancelling kills the whole group."""
        await self.start()
        return await self.finished(timeout_s)

    async def start(self) -> None:
        """Start; the command's first line runs once `on_start` has recorded its pid. Raises ToolProblem."""
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        # The process waits for a word from here, which comes when it is recorded; if this worker dies first, it never begins.
        wait_end, go_end = os.pipe()
        try:
            process = self._spawn(wait_end, write_end)
            await self._on_start(process.pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(go_end, b"\n")
        except BaseException:
            self.kill()
            os.close(self._pipe)
            raise
        finally:
            for descriptor in (write_end, wait_end, go_end):
                os.close(descriptor)
            self._launch.close()
        asyncio.get_running_loop().add_reader(self._pipe, self._read)

    async def finished(self, limit_s: float) -> Outcome:
        """Wait for the end, at most `limit_s` seconds; then nothing of it is left."""
        flusher = asyncio.create_task(self._flush_forever(), name="output")
        timed_out = False
        try:
            try:
                async with asyncio.timeout(limit_s):
                    await self._exited()
            except TimeoutError:
                timed_out = True
            self.kill()
            if not timed_out:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE_S):
                        await self._closed.wait()
        finally:
            self.kill()
            flusher.cancel()
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self.output.close()
        return self._outcome(limit_s if timed_out else None)

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill the whole process group, and whatever else carries this call's mark."""
        process = self._process
        if process is None or (self._is_namespaced and process.returncode is not None):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        kill_marked(self._mark)

    def _spawn(self, wait_end: int, output: int) -> "subprocess.Popen[bytes]":
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT, "opta", *self._launch.argv],
                stdin=wait_end,
                stdout=output,
                stderr=output,
                env=self._environment,
                pass_fds=self._launch.descriptors,
                start_new_session=True,
                preexec_fn=_child_setup(self._folder, os.getpid()),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ToolProblem(f"the command could not start: {error}") from error
        return self._process

    async def _exited(self) -> None:
        process = self._process
        assert process is not None
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

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe, 64 * 1024)
        except BlockingIOError:
            return
        if chunk:
            self.output.add(chunk)
        else:
            self._closed.set()
            asyncio.get_running_loop().remove_reader(self._pipe)

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.output.flush()

    def _outcome(self, timed_out_s: float | None) -> Outcome:
        assert self._process is not None
        code = self._process.returncode
        text, truncated = self.output.content()
        if timed_out_s is not None:
            content, ok, name = f"Error: timed out after {timed_out_s:g} s\n{text}", False, "timeout"
        elif code:
            reason = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
            content, ok, name = f"Error: {reason}\n{text}", False, f"exit_{code}"
        else:
            content, ok, name = text or "(no output)", True, ""
        spill = self.output.spill
        return Outcome(
            content.rstrip("\n"),
            lines=text.count("\n") + bool(text),
            ok=ok,
            code=name,
            is_truncated=truncated,
            spill=spill.name if spill and truncated else "",
        )


def _child_setup(folder: int, parent: int) -> Callable[[], None]:
    def set_up() -> None:
        os.fchdir(folder)
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        os.umask(0o022)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))

    return set_up


def kill_marked(mark: str, deadline_s: float = 1.0) -> int:
    """Kill every process whose environment carries a mark beginning with `mark`; how many there were (Linux)."""
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
