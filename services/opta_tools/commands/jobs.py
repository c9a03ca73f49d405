"""run_command, command_output and command_stop: commands in the foreground and in the background, each in a sandbox."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from opta_core.clock import now_s
from opta_core.logs import Log
from opta_protocol.commands import Plan, RunTool
from opta_protocol.tools.shell import BACKGROUND_S_MAX, CommandOutput, CommandStop, RunCommand

from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from ..sandbox.bare import MARK, BareProcess
from ..sandbox.environment import environment
from ..sandbox.hints import control_hint
from ..sandbox.launch import CommandSpec, Network, Process, Streams, WorkspaceRef
from ..sandbox.sandbox import Sandbox
from .command import RunningCommand
from .output import Output

BACKGROUND_MAX = 8
# How long run_command waits for a background command, so that one that fails immediately is reported as failed.
FIRST_LOOK_S = 0.4
WAIT_S_MAX = 60.0
ENDED_KEPT = 32
log = Log("run")

OnStart = Callable[[int], Awaitable[None]]
OnEnd = Callable[[], Awaitable[None]]


@dataclass
class Job:
    """A background command of a session."""

    id: str
    sid: str
    text: str
    command: RunningCommand
    task: "asyncio.Task[Outcome]"
    started: float
    # Notes for the model, shown once, after the command has ended.
    notes: list[str]
    seen: int = 0

    def take_notes(self) -> list[str]:
        """The notes, formatted, and forget them."""
        notes = [f"Opta: {note}" for note in self.notes]
        self.notes.clear()
        return notes


class Runner:
    """Runs commands. `worker_environment`: of this process; `mark`: prefix of the commands' marks; `spills`: the folder for long outputs."""

    def __init__(self, sandbox: Sandbox, worker_environment: dict[str, str], mark: str, spills: Path):
        self._sandbox, self._environment, self._mark, self._spills = sandbox, worker_environment, mark, spills
        self._jobs: dict[str, Job] = {}
        self._numbers: dict[str, int] = {}

    async def run(
        self, call: RunTool, asked: RunCommand, on_start: OnStart, on_output: Callable[[str], None], on_end: OnEnd | None = None
    ) -> Outcome:
        """Execute run_command. `on_end` is awaited when the command has ended, also in the background. Raises ToolProblem."""
        try:
            if asked.background and len(self._running(call.sid)) >= BACKGROUND_MAX:
                raise ToolProblem(f"{BACKGROUND_MAX} commands already run in the background; end one with command_stop")
            command, ref = await self._start(call, asked, on_start, on_output)
        except BaseException:
            if on_end is not None:
                await asyncio.shield(on_end())
            raise
        if not asked.background:
            return await self._to_end(command, ref, call.network, asked.limit_s(call.timeout_s), [], on_end)
        notes: list[str] = []
        ending = self._to_end(command, ref, call.network, BACKGROUND_S_MAX, notes, on_end)
        task = asyncio.create_task(ending, name=f"background {call.callId}")
        return await self._first_look(call, asked.command, command, task, notes)

    async def output(self, sid: str, asked: CommandOutput) -> Outcome:
        """Execute command_output: the new output of a background command of a session; without an id, the list of these commands."""
        if not asked.id:
            return self._list(sid)
        job = self._job(sid, asked.id)
        if asked.wait_s:
            # Only the waiting ends with this call; the command continues.
            await asyncio.wait([job.task], timeout=min(asked.wait_s, WAIT_S_MAX))
        output, seen = job.command.output, job.seen
        text, truncated = output.content(seen)
        whole = output.whole(seen) if truncated else ""
        job.seen = output.total
        state, notes = self._state(job), job.take_notes() if job.task.done() else []
        return Outcome(
            "\n".join([state, text or "(nothing new)", *notes]),
            lines=(whole or text).count("\n") + bool(text),
            is_truncated=truncated,
            whole="\n".join([state, whole, *notes]) if truncated else "",
        )

    async def stop(self, sid: str, asked: CommandStop) -> Outcome:
        """Execute command_stop: end a background command of a session."""
        job = self._job(sid, asked.id)
        job.task.cancel()
        await asyncio.wait([job.task])
        return Outcome("\n".join([f"{job.id} is stopped: {job.text}", *job.take_notes()]))

    async def end_session(self, sid: str) -> None:
        """End the background commands of a session."""
        await self._end(self._running(sid))

    async def close(self) -> None:
        """End every background command."""
        await self._end(list(self._jobs.values()))

    async def _end(self, jobs: list[Job]) -> None:
        tasks = [job.task for job in jobs]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start(
        self, call: RunTool, asked: RunCommand, on_start: OnStart, on_output: Callable[[str], None]
    ) -> tuple[RunningCommand, WorkspaceRef]:
        try:
            workspace = Workspace(call.cwd, call.folder)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        try:
            folder = workspace.open(asked.cwd, os.O_RDONLY | os.O_DIRECTORY)
        except PathProblem as problem:
            workspace.close()
            raise ToolProblem(str(problem), "path") from problem
        mark = f"{self._mark}/{call.callId}"
        ref = WorkspaceRef(call.sid, workspace.path, call.folder)
        spec = CommandSpec(
            _words(call.plan, asked.command),
            environment(self._environment, {MARK: mark}),
            mark,
            workspace.relative(asked.cwd),
            call.network,
        )
        output = Output(on_output, self._spills / call.sid / f"{call.callId}.txt")

        async def start(streams: Streams) -> Process:
            if self._sandbox.level == "none":
                # A person allowed this command: without a sandbox every command asks.
                return BareProcess(spec.argv, spec.environment, folder, streams, mark, limits=self._sandbox.limits)
            return await self._sandbox.start(ref, spec, streams)

        command = RunningCommand(start, on_start, output, self._sandbox.limits, folder, self._sandbox.session_tmp(call.sid))
        try:
            await command.start()
        finally:
            os.close(folder)
            workspace.close()
        return command, ref

    async def _to_end(
        self, command: RunningCommand, ref: WorkspaceRef, network: Network, limit_s: float, notes: list[str], on_end: OnEnd | None
    ) -> Outcome:
        """Wait for the outcome and add notes about it. They are also added to `notes`, for a background command that is cancelled."""
        try:
            outcome = await command.finished(limit_s)
        except BaseException:
            # Cancelled or never started: control files that it made are put aside nevertheless.
            notes += await asyncio.shield(self._sandbox.notes(ref))
            raise
        else:
            notes += await self._sandbox.notes(ref)
        finally:
            if on_end is not None:
                await asyncio.shield(on_end())
        if control := self._sandbox.denied_write(ref, outcome.content):
            notes.append(control_hint(control, outcome.content))
        notes += self._sandbox.hints(ref, network, outcome.content, ok=outcome.ok)
        if notes:
            outcome.content = "\n".join([outcome.content, *(f"Opta: {note}" for note in notes)])
        return outcome

    async def _first_look(self, call: RunTool, text: str, command: RunningCommand, task: "asyncio.Task[Outcome]", notes: list[str]) -> Outcome:  # fmt: skip
        number = self._numbers.get(call.sid, 0) + 1
        self._numbers[call.sid] = number
        job = Job(f"bg{number}", call.sid, text, command, task, now_s(), notes)
        self._jobs[f"{call.sid}/{job.id}"] = job
        self._forget_old()
        await asyncio.wait([task], timeout=FIRST_LOOK_S)
        if task.done() and not task.cancelled() and not task.exception():
            return task.result()
        shown, truncated = command.output.content()
        whole = command.output.whole() if truncated else ""
        job.seen = command.output.total
        hint = f'Read its output with command_output {{"id": "{job.id}"}}, end it with command_stop {{"id": "{job.id}"}}.'
        head = f"{job.id} runs in the background. {hint}"
        return Outcome(
            f"{head}\n{shown}".rstrip("\n"),
            lines=(whole or shown).count("\n") + bool(shown),
            is_truncated=truncated,
            whole=f"{head}\n{whole}" if truncated else "",
        )

    def _job(self, sid: str, name: str) -> Job:
        job = self._jobs.get(f"{sid}/{name}")
        if job is None:
            known = ", ".join(job.id for job in self._jobs.values() if job.sid == sid)
            raise ToolProblem(f"there is no background command {name[:20]!r}" + (f"; known are {known}" if known else ""))
        return job

    def _running(self, sid: str) -> list[Job]:
        return [job for job in self._jobs.values() if job.sid == sid and not job.task.done()]

    def _list(self, sid: str) -> Outcome:
        jobs = [job for job in self._jobs.values() if job.sid == sid]
        return Outcome("\n".join(map(self._state, jobs)) or "no background commands", lines=len(jobs))

    def _state(self, job: Job) -> str:
        if not job.task.done():
            return f"{job.id} has been running for {now_s() - job.started:.0f} s: {job.text[:120]}"
        if job.task.cancelled() or job.task.exception():
            return f"{job.id} was stopped: {job.text[:120]}"
        outcome = job.task.result()
        return f"{job.id} ended ({'exit code 0' if outcome.ok else outcome.content.split(chr(10), 1)[0]}): {job.text[:120]}"

    def _forget_old(self) -> None:
        ended = [key for key, job in self._jobs.items() if job.task.done()]
        for key in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self._jobs[key]


def _words(plan: Plan | None, text: str) -> list[str]:
    """The words to execute: the plan that was judged, or the text in a shell when a person allowed it as it is."""
    if plan is not None and plan.argv:
        if not plan.program:
            raise ToolProblem(f"there is no program {plan.argv[0]!r} on the PATH outside the workspace; give its path", "no_program")
        return [plan.program, *plan.argv[1:]]
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    flags = ["--noprofile", "--norc"] if shell.endswith("bash") else []
    return [shell, *flags, "-c", plan.shell if plan is not None and plan.shell else text]
