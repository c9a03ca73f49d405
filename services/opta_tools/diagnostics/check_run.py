"""Runs a checker on the workspace as it is, in a read-only sandbox of the session without network."""

import os
from collections.abc import Callable

from opta_protocol.commands import RunTool

from ..commands.command import RunningCommand
from ..commands.output import KEPT_BYTES_MAX, Output
from ..files.workspace import Workspace
from ..result import ToolProblem
from ..sandbox.bare import MARK
from ..sandbox.environment import environment
from ..sandbox.launch import CommandSpec, Process, Streams, WorkspaceRef
from ..sandbox.sandbox import Sandbox
from .checker_output import FoundProblem, UnreadableOutput
from .known_checkers import Checker

# A run that takes longer is ended, also one that goes on beside the session's work.
RUN_S_MAX = 30.0


class CheckFailed(Exception):
    """A checker could not check. The message says why, in a few words."""


class CheckRuns:
    """Runs checkers. `worker_environment`: of this process; `mark`: prefix of the marks of their processes."""

    def __init__(self, sandbox: Sandbox, worker_environment: dict[str, str], mark: str):
        self._sandbox, self._environment, self._mark = sandbox, worker_environment, mark
        self._count = 0

    @property
    def is_contained(self) -> bool:
        """Whether there is a sandbox. Without one no checker is run, because nobody is asked about it."""
        return self._sandbox.level != "none"

    @property
    def path(self) -> str:
        """The PATH of the checkers."""
        return self._environment.get("PATH", os.defpath)

    def scratch(self, sid: str) -> str:
        """The folder that checkers of a session write, as they see it."""
        return f"{'/tmp' if self._sandbox.level == 'full' else self._sandbox.session_tmp(sid)}/opta-checks"

    async def run(self, call: RunTool, checker: Checker, is_touched: Callable[[str], bool]) -> list[FoundProblem]:
        """Run a checker; the problems of the edited file. Raises CheckFailed."""
        self._count += 1
        mark = f"{self._mark}/check-{call.callId}-{self._count}"
        workspace = Workspace(call.cwd, call.folder)
        try:
            folder = workspace.open(checker.folder, os.O_RDONLY | os.O_DIRECTORY)
            ref = WorkspaceRef(call.sid, workspace.path, call.folder, is_read_only=True, shares_cache=True)
        finally:
            workspace.close()
        spec = CommandSpec(list(checker.argv), environment(self._environment, {MARK: mark}), mark, checker.folder, extra=checker.variables)

        async def start(streams: Streams) -> Process:
            return await self._sandbox.start(ref, spec, streams)

        async def begun(pid: int) -> None:
            return

        output = Output(lambda text: None)
        command = RunningCommand(start, begun, output, self._sandbox.limits, folder, self._sandbox.session_tmp(call.sid))
        try:
            await command.start()
            outcome = await command.finished(RUN_S_MAX)
        except ToolProblem as problem:
            if problem.code == "no_program":
                hidden = f"{checker.argv[0]} cannot be started in the sandbox; sandbox.read can name its folder"
                raise CheckFailed(hidden) from None
            raise CheckFailed(str(problem)) from None
        finally:
            os.close(folder)
        if outcome.code in ("timeout", "limit"):
            raise CheckFailed(outcome.content.partition("\n")[0].removeprefix("Error: "))
        if output.total > KEPT_BYTES_MAX:
            raise CheckFailed("it printed too much")
        return _read(checker, output.whole(), is_touched, ok=outcome.ok)


def _read(checker: Checker, printed: str, is_touched: Callable[[str], bool], *, ok: bool) -> list[FoundProblem]:
    any_file = False

    def looked_at(path: str) -> bool:
        nonlocal any_file
        any_file = True
        return is_touched(path)

    try:
        found = checker.reads(printed, checker.name, looked_at)
    except UnreadableOutput as error:
        raise CheckFailed(str(error)) from None
    if not ok and not any_file:
        raise CheckFailed(next((line.strip() for line in printed.split("\n") if line.strip()), "it failed and printed nothing")[:200])
    return found
