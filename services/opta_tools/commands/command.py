"""A running command: recorded before it starts, limited in time and resources, its output read as it arrives.

Promises: `finished` returns when the process ends, even if another process still holds its output pipe. Then no process that the command
started is left.
"""

import asyncio
import contextlib
import functools
import os
from collections.abc import Awaitable, Callable

from ..result import Outcome, ToolProblem
from ..sandbox.cgroup import CommandGroup, parent
from ..sandbox.launch import Process, Streams
from ..sandbox.limits import CommandLimits, Watch
from .output import Output

# Output that arrives within this time is passed on together.
FLUSH_S = 0.04
# How long to read on after the process has ended, for output that is still in the pipe.
GRACE_S = 0.1
# The parent of commands' control groups, looked up once.
_group_parent = functools.cache(parent)

Start = Callable[[Streams], Awaitable[Process]]


class RunningCommand:
    """One command. `start` prepares the process; `folder` is a descriptor of its folder, whose file system is watched for the disk limits.

    `tmp`: the folder that is its /tmp, for the limit of that; "" for none.
    """

    def __init__(
        self, start: Start, on_start: Callable[[int], Awaitable[None]], output: Output, limits: CommandLimits, folder: int, tmp: str = ""
    ):
        self._start, self._on_start, self.output = start, on_start, output
        self._limits, self._folder, self._tmp = limits, os.dup(folder), tmp
        self._process: Process | None = None
        self._pipe = -1
        self._closed = asyncio.Event()
        # Set while output waits to be passed on.
        self._flushing: asyncio.TimerHandle | None = None
        self._over = ""
        self._group: CommandGroup | None = None

    async def start(self) -> None:
        """Start the command. Its process begins to run only after `on_start` has recorded its process id. Raises ToolProblem."""
        write_end = self._open_pipe()
        try:
            process = self._take(await self._start((-1, write_end, write_end)))
            self._group = CommandGroup(process.pid, self._limits, _group_parent())
            await self._on_start(process.pid)
            process.go()
        except BaseException:
            self.kill()
            if self._group is not None:
                self._group.close()
            os.close(self._pipe)
            os.close(self._folder)
            raise
        finally:
            os.close(write_end)
        asyncio.get_running_loop().add_reader(self._pipe, self._read)

    async def finished(self, limit_s: float) -> Outcome:
        """Wait until the command has ended, at most `limit_s` seconds, then kill what is left of it. Raises ToolProblem if it never ran."""
        process = self._process
        assert process is not None
        watcher = asyncio.create_task(Watch(process.pid, self._limits, self._folder, self._end_for, self._tmp).run(), name="limits")
        timed_out_s: float | None = None
        code = 0
        try:
            ending = asyncio.ensure_future(process.ended())
            try:
                async with asyncio.timeout(limit_s):
                    code = await asyncio.shield(ending)
            except TimeoutError:
                timed_out_s = limit_s
                process.kill()
                code = await ending
            except BaseException:
                process.kill()
                with contextlib.suppress(ToolProblem):
                    await ending
                raise
            if timed_out_s is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE_S):
                        await self._closed.wait()
        finally:
            watcher.cancel()
            if self._flushing is not None:
                self._flushing.cancel()
            process.close()
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            os.close(self._folder)
            self.output.close()
            if self._group is not None and self._group.is_used:
                self._over = self._over or self._group.reason()
                await asyncio.to_thread(self._group.close)
        outcome = self._outcome(code, timed_out_s)
        if outcome.spill and not outcome.ok:
            await asyncio.to_thread(self.output.begin_with, outcome.content.partition("\n")[0])
        return outcome

    def kill(self) -> None:
        """Kill the command and everything that it started."""
        if self._process is not None:
            self._process.kill()

    def _open_pipe(self) -> int:
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        return write_end

    def _take(self, process: Process) -> Process:
        """Remember the prepared process, so that `kill` reaches it from now on."""
        self._process = process
        return process

    def _end_for(self, reason: str) -> None:
        self._over = reason
        self.kill()

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe, 64 * 1024)
        except BlockingIOError:
            return
        if chunk:
            self.output.add(chunk)
            if self._flushing is None:
                self._flushing = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)
        else:
            self._closed.set()
            asyncio.get_running_loop().remove_reader(self._pipe)

    def _flush(self) -> None:
        self._flushing = None
        self.output.flush()

    def _outcome(self, code: int, timed_out_s: float | None) -> Outcome:
        text, truncated = self.output.content()
        if self._over:
            content, ok, name = f"Error: killed, because {self._over}\n{text}", False, "limit"
        elif timed_out_s is not None:
            content, ok, name = f"Error: timed out after {timed_out_s:g} s\n{text}", False, "timeout"
        elif code:
            reason = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
            content, ok, name = f"Error: {reason}\n{text}", False, f"exit_{code}"
        else:
            content, ok, name = text or "(no output)", True, ""
        spill = self.output.spill
        return Outcome(
            content.rstrip("\n"),
            lines=self.output.lines,
            ok=ok,
            code=name,
            is_truncated=truncated,
            spill=spill.name if spill and truncated else "",
        )
