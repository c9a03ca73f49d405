"""Starts the supervisor processes of sandboxes."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ..result import ToolProblem

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from opta_tools.sandbox.supervisor import main; main()"
_SERVICES = str(Path(__file__).parent.parent.parent)


class Supervisors:
    """Keeps one spare supervisor process running, so that a session's first command does not wait for an interpreter to start."""

    def __init__(self) -> None:
        self._spare: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def take(self) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        """(a supervisor process that waits for its plan, the control socket). Raises ToolProblem."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            if spare[0].poll() is None:
                return spare
            end(*spare)
        return _started()

    async def taken(self) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        """`take` in a thread. If the caller is cancelled meanwhile, the supervisor is given back, also after the event loop has ended."""
        # Not a thread of the loop: the loop cancels what waits for those when it ends, and the process that one starts would be lost.
        executor = ThreadPoolExecutor(1, "supervisor")
        taking = executor.submit(self.take)
        executor.shutdown(wait=False)

        def give_back(ended: "Future[tuple[subprocess.Popen[bytes], socket.socket]]") -> None:
            if not ended.cancelled() and ended.exception() is None:
                self.give_back(*ended.result())

        try:
            return await asyncio.shield(asyncio.wrap_future(taking))
        except asyncio.CancelledError:
            taking.add_done_callback(give_back)
            raise

    def give_back(self, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        """Keep a supervisor that was taken and got no plan, or end it when there is a spare one."""
        with self._lock:
            is_kept = self._spare is None and not self._is_closed
            if is_kept:
                self._spare = process, control
        if not is_kept:
            end(process, control)

    def prepare(self) -> None:
        """Start a spare supervisor, unless there is one. Raises ToolProblem."""
        with self._lock:
            if self._spare is None and not self._is_closed:
                self._spare = _started()

    def prepare_soon(self) -> None:
        """Start a spare supervisor in a thread. If that fails, the next session waits a little longer."""

        def prepare() -> None:
            with contextlib.suppress(ToolProblem):
                self.prepare()

        threading.Thread(target=prepare, name="spare supervisor", daemon=True).start()

    def close(self) -> None:
        """End the spare supervisor."""
        with self._lock:
            self._is_closed = True
            spare, self._spare = self._spare, None
        if spare is not None:
            end(*spare)


def _started() -> tuple["subprocess.Popen[bytes]", socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT, _SERVICES, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath},
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise ToolProblem(f"the sandbox could not be made: {error.strerror}", "sandbox") from error
    finally:
        theirs.close()
    return process, ours


def end(process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
    """Kill a supervisor, and with it everything in its sandbox."""
    control.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
