"""A contained command, as the tool-worker sees it, and the function that reads the supervisor's answers."""

import array
import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from ..result import ToolProblem

ANSWER_BYTES_MAX = 64 * 1024


class ContainedProcess:
    """A command that is ready, is running, or has ended. `pid` is its first process; all its processes are descendants of it."""

    def __init__(self, pid: int, answers: socket.socket, on_end: Callable[[], None]):
        self.pid = pid
        self._answers, self._on_end = answers, on_end
        self._watch = os.pidfd_open(pid)
        self._is_closed = False

    def go(self) -> None:
        """Let the command run."""
        with contextlib.suppress(OSError):
            self._answers.send(b"go")

    async def ended(self) -> int:
        """Wait until all its processes have ended; the exit code, or minus the signal. Raises ToolProblem when it could not start."""
        answer: dict[str, Any] = {}
        with contextlib.suppress(EOFError, OSError):
            answer, _, _ = await received(self._answers)
        await readable(self._watch)
        self.close()
        if "problem" in answer:
            raise ToolProblem(f"the command could not start: {answer['problem']}", "no_program")
        return int(answer.get("status", -signal.SIGKILL))

    def kill(self) -> None:
        """Kill the command and everything that it started."""
        if not self._is_closed:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._watch, signal.SIGKILL)

    def close(self) -> None:
        """Release the descriptors. The command is not killed."""
        if not self._is_closed:
            self._is_closed = True
            self._answers.close()
            os.close(self._watch)
            self._on_end()


async def received(answers: socket.socket) -> tuple[dict[str, Any], int, list[int]]:
    """Wait for an answer: (content, process id of its sender, descriptors). Raises EOFError when the other end was closed."""
    size = array.array("i").itemsize
    space = socket.CMSG_SPACE(8 * size) + socket.CMSG_SPACE(struct.calcsize("3i"))
    while True:
        try:
            data, ancillary, _, _ = answers.recvmsg(ANSWER_BYTES_MAX, space)
            break
        except BlockingIOError:
            await readable(answers.fileno())
    if not data:
        raise EOFError
    pid, files = 0, array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(content[: len(content) - len(content) % size])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            pid = struct.unpack("3i", content[:12])[0]
    return json.loads(data), pid, list(files)


async def readable(descriptor: int) -> None:
    """Wait until a descriptor can be read."""
    loop = asyncio.get_running_loop()
    is_ready = asyncio.Event()
    loop.add_reader(descriptor, is_ready.set)
    try:
        await is_ready.wait()
    finally:
        loop.remove_reader(descriptor)
