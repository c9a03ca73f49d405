"""Runs the user's hooks: each once, in the sandbox of its session, with JSON on its standard input.

A hook's id is run once by this worker, however often it is asked for; what it answered is kept for an agent that asks again. One that was
begun by an earlier worker is answered as lost.
"""

import asyncio
import contextlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from opta_core.clock import now_s
from opta_core.hook_settings import find_program, missing_program
from opta_core.logs import Log
from opta_protocol.commands import HookEnded, RunHook
from opta_protocol.event_parts import Change

from ..files.workspace import PathProblem, Workspace
from ..result import ToolProblem
from ..sandbox.bare import MARK, BareProcess
from ..sandbox.environment import environment
from ..sandbox.launch import CommandSpec, Process, Streams, WorkspaceRef
from ..sandbox.sandbox import Sandbox
from .command import RunningCommand
from .output import Output, plain

KNOWN_MAX = 500
OUTPUT_CHARS_MAX = 64 * 1024
LOST = "the tool worker that ran it has ended"
# What a hook may have changed of given files of a workspace: called before it runs, and the result after it.
Watch = Callable[[RunHook], Callable[[], list[Change]]]
log = Log("hooks")


class HookRuns:
    """`boot` names this worker; `folder` holds programs of hooks, which are found before those on the PATH of `worker_environment`."""

    def __init__(self, boot: str, sandbox: Sandbox, worker_environment: dict[str, str], mark: str, folder: Path, watch: Watch):
        self._boot, self._sandbox, self._environment, self._mark = boot, sandbox, worker_environment, mark
        self._folder, self._watch = folder, watch
        self._runs: OrderedDict[str, asyncio.Task[HookEnded]] = OrderedDict()

    async def run(self, asked: RunHook) -> HookEnded:
        """The end of a hook: of its run, or of the one that an agent began before. Raises nothing."""
        if asked.worker != self._boot:
            return HookEnded(hookId=asked.hookId, code="worker_lost", problem=LOST)
        task = self._runs.get(asked.hookId)
        if task is None:
            task = self._runs[asked.hookId] = asyncio.create_task(self._run(asked), name=f"hook {asked.hookId}")
            while len(self._runs) > KNOWN_MAX:
                self._runs.popitem(last=False)
        # Several agents may ask one after the other; none of them ends the run.
        return await asyncio.shield(task)

    def cancel(self, hook_id: str) -> None:
        """End a hook that runs."""
        if (task := self._runs.get(hook_id)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End every hook that runs."""
        for task in self._runs.values():
            task.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def _run(self, asked: RunHook) -> HookEnded:
        started = now_s()
        level = self._sandbox.level
        try:
            ended = await self._to_end(asked)
        except ToolProblem as problem:
            ended = HookEnded(hookId=asked.hookId, code=problem.code or "sandbox", problem=str(problem))
        except (PathProblem, OSError) as problem:
            ended = HookEnded(hookId=asked.hookId, code="sandbox", problem=str(problem))
        except asyncio.CancelledError:
            ended = HookEnded(hookId=asked.hookId, code="cancelled", problem="it was stopped")
        took_ms = round((now_s() - started) * 1000, 1)
        return HookEnded(
            hookId=ended.hookId,
            exit=ended.exit,
            output=ended.output,
            errors=ended.errors,
            code=ended.code,
            problem=ended.problem,
            sandbox=level,
            durationMs=took_ms,
            changes=ended.changes,
        )

    async def _to_end(self, asked: RunHook) -> HookEnded:
        workspace = Workspace(asked.cwd, asked.folder)
        with contextlib.ExitStack() as held:
            held.callback(workspace.close)
            search_path = self._environment.get("PATH", os.defpath)
            program = await asyncio.to_thread(find_program, asked.argv[0], self._folder, search_path, workspace.path)
            if not program:
                raise ToolProblem(missing_program(asked.argv[0], self._folder), "no_program")
            folder = workspace.open(".", os.O_RDONLY | os.O_DIRECTORY)
            held.callback(os.close, folder)
            given, errors = (held.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            given.write(asked.input.encode(errors="replace"))
            given.seek(0)
            changes = await asyncio.to_thread(self._watch, asked)
            ref = WorkspaceRef(asked.sid, workspace.path, asked.folder)
            mark = f"{self._mark}/hook{asked.hookId}"
            spec = CommandSpec([program, *asked.argv[1:]], environment(self._environment, {MARK: mark}), mark)

            async def start(streams: Streams) -> Process:
                ours = given.fileno(), streams[1], errors.fileno()
                if self._sandbox.level == "none":
                    return BareProcess(spec.argv, spec.environment, folder, ours, mark, limits=self._sandbox.limits)
                return await self._sandbox.start(ref, spec, ours)

            async def on_start(pid: int) -> None:
                log.info("hook runs", hook=asked.hookId, program=program, pid=pid)

            output = Output(lambda text: None)
            command = RunningCommand(start, on_start, output, self._sandbox.limits, folder, self._sandbox.session_tmp(asked.sid))
            await command.start()
            try:
                outcome = await command.finished(asked.timeoutS)
            finally:
                notes = await asyncio.shield(self._sandbox.notes(ref))
            errors.seek(0)
            said = plain(errors.read(OUTPUT_CHARS_MAX))
            found = await asyncio.to_thread(changes)
        said = "\n".join([said, *(f"Opta: {note}" for note in notes)]).strip("\n")
        name = outcome.code
        is_over = name in ("limit", "timeout")
        code = int(name.removeprefix("exit_")) if name.startswith("exit_") else 0
        is_killed = code < 0
        return HookEnded(
            hookId=asked.hookId,
            exit=None if is_over or is_killed else code,
            output=output.whole()[:OUTPUT_CHARS_MAX],
            errors=said,
            code=name if is_over else "killed" if is_killed else "",
            problem=outcome.content.partition("\n")[0].removeprefix("Error: ") if is_over or is_killed else "",
            changes=found,
        )
