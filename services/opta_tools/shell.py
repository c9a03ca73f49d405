"""run_command: one shell line in its own process group, contained in time and output.

Promises: it returns when the process ends, not when the last holder of its pipe does; after it, nothing
it started is left; when this worker dies, so does the child, and what the child left behind is
found by its mark and killed at the next start.
"""

import asyncio
import codecs
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from .beneath import Workspace
from .outcome import Outcome, ToolProblem

TIMEOUT_S, TIMEOUT_S_MAX = 120.0, 600.0
OUTPUT_BYTES_MAX = 1024 * 1024
CONTENT_BYTES_MAX = 16 * 1024
FLUSH_S = 0.04
# After the process itself ended: how long what is still in the pipe may take to arrive.
GRACE_S = 0.1
MARK = "OPTA_CALL"
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV")
_PR_SET_PDEATHSIG = 1
_WAIT = 'read -r _ || exit 125; exec "$@" </dev/null'

_libc = ctypes.CDLL(None)


class Command:
    """One running command. Create and `run` on the loop's thread: the child dies with the thread that forked it."""

    def __init__(self, workspace: Workspace, mark: str, on_start: Callable[[int], Awaitable[None]], on_output: Callable[[str], None]):
        self._workspace, self._mark, self._on_start, self._on_output = workspace, mark, on_start, on_output
        self._process: subprocess.Popen[bytes] | None = None
        self._output = bytearray()
        self._unsent = bytearray()
        self._dropped = 0
        # Holds back the start of a character whose rest has not arrived.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    async def run(self, command: str, cwd: str = ".", timeout_s: float | None = None) -> Outcome:
        """Run to the end. Raises ToolProblem when it cannot start; cancelling kills the whole group."""
        if not command.strip():
            raise ToolProblem("the command is empty")
        if "\0" in command:
            raise ToolProblem("a command holds no NUL character")
        limit_s = min(max(timeout_s or TIMEOUT_S, 0.1), TIMEOUT_S_MAX)
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if sys.platform == "linux" else os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, True)
        loop = asyncio.get_running_loop()
        try:
            await self._start(command, cwd, write_end)
        except BaseException:
            self.kill()
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        closed = asyncio.Event()
        loop.add_reader(read_end, self._read, read_end, closed)
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
                        await closed.wait()
        finally:
            self.kill()
            flusher.cancel()
            loop.remove_reader(read_end)
            os.close(read_end)
            self._flush()
        return self._outcome(limit_s if timed_out else None)

    def kill(self) -> None:
        """Kill the whole process group, and whatever else carries this call's mark."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        kill_marked(self._mark)

    async def _start(self, command: str, cwd: str, output: int) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        environment |= {MARK: self._mark, "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
        folder = self._workspace.open(cwd, os.O_RDONLY | os.O_DIRECTORY)
        shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
        flags = ["--noprofile", "--norc"] if shell.endswith("bash") else []
        # The process waits for a word from here, which comes when it is recorded; if this worker dies first, it never begins.
        wait_end, go_end = os.pipe()
        try:
            process = self._spawn([shell, *flags, "-c", command], environment, folder, wait_end, output)
            await self._on_start(process.pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(go_end, b"\n")
        finally:
            os.close(folder)
            os.close(wait_end)
            os.close(go_end)

    def _spawn(self, command: list[str], environment: dict[str, str], folder: int, wait_end: int, output: int) -> "subprocess.Popen[bytes]":
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT, "opta", *command],
                stdin=wait_end,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                preexec_fn=_child_setup(folder, os.getpid()),
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

    def _read(self, descriptor: int, closed: asyncio.Event) -> None:
        try:
            chunk = os.read(descriptor, 64 * 1024)
        except BlockingIOError:
            return
        if not chunk:
            closed.set()
            asyncio.get_running_loop().remove_reader(descriptor)
            return
        room = OUTPUT_BYTES_MAX - len(self._output)
        self._dropped += max(0, len(chunk) - room)
        self._output += chunk[:room]
        self._unsent += chunk[:room]

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self._flush()

    def _flush(self) -> None:
        if self._unsent:
            text = self._decoder.decode(bytes(self._unsent))
            self._unsent.clear()
            if text:
                self._on_output(text)

    def _outcome(self, timed_out_s: float | None) -> Outcome:
        assert self._process is not None
        code = self._process.returncode
        truncated = self._dropped > 0 or len(self._output) > CONTENT_BYTES_MAX
        output = bytes(self._output)
        if len(output) > CONTENT_BYTES_MAX:
            half = CONTENT_BYTES_MAX // 2
            left_out = len(output) - CONTENT_BYTES_MAX + self._dropped
            output = output[:half] + f"\n… {left_out} bytes left out …\n".encode() + output[-half:]
        text = output.decode(errors="replace").rstrip("\n")
        if timed_out_s is not None:
            content, ok, name = f"Error: timed out after {timed_out_s:g} s\n{text}", False, "timeout"
        elif code:
            reason = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
            content, ok, name = f"Error: {reason}\n{text}", False, f"exit_{code}"
        else:
            content, ok, name = text or "(no output)", True, ""
        return Outcome(content.rstrip("\n"), lines=text.count("\n") + bool(text), ok=ok, code=name, is_truncated=truncated)


def _child_setup(folder: int, parent: int) -> Callable[[], None]:
    def set_up() -> None:
        os.fchdir(folder)
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        os.umask(0o022)

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
