"""Executes tool calls: file tools in threads, searches and commands in separate processes.

Every declared tool has one executor function; `ToolExecutor` refuses to start when one is missing. A tool that is not declared belongs
to an MCP server.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from opta_core.logs import Log
from opta_core.result_lines import KEPT_CHARS_MIN
from opta_core.settings import Settings
from opta_protocol.change_commands import ChangesShown, ChangesUndone, ShowChanges, UndoChanges
from opta_protocol.commands import (
    EndSession,
    EndTurn,
    ForkFiles,
    ListTools,
    Preview,
    PreviewTool,
    RunTool,
    ShowTexts,
    TextsShown,
    ToolList,
)
from opta_protocol.events import Event, PlanUpdated, ToolOutput, ToolStart
from opta_protocol.hook_commands import HookEnded, RunHook
from opta_protocol.path_commands import FindPaths, PathsFound
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import TOOLS, risk_of
from opta_protocol.tools.file_access import OUTPUT_SCHEME, ReadFile
from opta_protocol.tools.plan import TODO, Todo
from opta_protocol.tools.searching import GREP, SEARCH_FILES
from opta_protocol.tools.shell import COMMAND_OUTPUT, COMMAND_STOP, RUN_COMMAND, CommandOutput, CommandStop, RunCommand
from opta_protocol.tools.tool import AnyTool, Arguments, Tool
from opta_protocol.tools.web import WEB_FETCH, WebFetch

from .arguments import arguments
from .checkpoints.checkpoints import Checkpoints
from .command_changes import CommandChanges
from .commands.hook_runs import HookRuns
from .commands.jobs import Runner
from .diagnostics.edit_checks import EditChecks
from .files import prompt_texts
from .files.file_tools import FileTools
from .files.readable_roots import in_session_tmp, rooted
from .forked_files import fork_folder
from .kept_results import KeptResults
from .mcp.servers import Servers
from .progress import Progress
from .result import Outcome, ToolProblem
from .search import ripgrep
from .search.path_completion import PathCompletion
from .search.search_child import run_search
from .search.search_pattern import is_costly
from .web.web_fetch import WebFetcher

A = TypeVar("A", bound=Arguments)

log = Log("executor")

Emit = Callable[[Event], object]
# Waits until the event is durable. Raises ToolProblem when the store refuses the event; then the call must not be executed.
Record = Callable[[Event], Awaitable[None]]


class Executor(Protocol):
    """Executes calls. `emit` takes the events of a call before its result. Raises ToolProblem.

    The start of a call that changes something is recorded before it is executed, so that it is never executed twice.
    """

    level: str
    level_reason: str

    @property
    def has_servers(self) -> bool: ...

    async def tools(self, asked: ListTools) -> ToolList: ...

    async def end_turn(self, asked: EndTurn) -> None: ...

    async def end_session(self, asked: EndSession) -> None: ...

    async def fork_files(self, asked: ForkFiles) -> None: ...

    async def execute(self, call: RunTool, emit: Emit, record: Record) -> Outcome: ...

    async def undo(self, asked: UndoChanges) -> ChangesUndone: ...

    async def changes(self, asked: ShowChanges) -> ChangesShown: ...

    async def recover(self, record: Record) -> None: ...

    async def preview(self, asked: PreviewTool) -> Preview: ...

    async def texts(self, asked: ShowTexts) -> TextsShown: ...

    async def paths(self, asked: FindPaths) -> PathsFound: ...

    async def run_hook(self, asked: RunHook) -> HookEnded: ...

    def cancel_hook(self, hook_id: str) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Invocation:
    """One call, as an executor function receives it."""

    call: RunTool
    emit: Emit
    record: Record


@dataclass(frozen=True)
class ToolFunction(Generic[A]):
    """The executor function of a tool. `records_start`: the function records the start of the call itself, with the command's process id."""

    tool: Tool[A]
    run: Callable[[Invocation, A], Awaitable[Outcome]]
    records_start: bool = False


class ToolExecutor:
    """Production implementation. `worker`: boot id of this worker; `level`: of the sandbox, and `level_reason` why it is not the strongest;
    `readable`: paths of the setting `sandbox.read`; `session_tmp`: the folder that a session's commands see as /tmp, which file tools read too where the sandbox is full. `checks`: of edited
    files; None for none.

    Raises RuntimeError when one of `tools` has no function.
    """

    def __init__(
        self,
        worker: str,
        level: str,
        runner: Runner,
        checkpoints: Checkpoints,
        servers: Servers,
        readable: tuple[str, ...] = (),
        files: FileTools | None = None,
        tools: Iterable[AnyTool] = TOOLS,
        session_tmp: Callable[[str], str] | None = None,
        results: KeptResults | None = None,
        web: WebFetcher | None = None,
        checks: EditChecks | None = None,
        hooks: HookRuns | None = None,
        level_reason: str = "",
    ):
        self._hooks, self.level_reason = hooks, level_reason
        self._worker, self.level, self._runner, self._checkpoints, self._servers = worker, level, runner, checkpoints, servers
        self._readable, self._session_tmp = readable, session_tmp
        self._files = files or FileTools(checkpoints)
        self._results = results or KeptResults(checkpoints.folder.with_name("spills"))
        self._command_changes = CommandChanges(checkpoints)
        self._completion = PathCompletion()
        self._web, self._checks = web or WebFetcher(Settings), checks
        functions: list[ToolFunction[Any]] = [
            *(ToolFunction(tool, self._file_tool) for tool in self._files.tools),
            ToolFunction(RUN_COMMAND, self._run_command, records_start=True),
            ToolFunction(COMMAND_OUTPUT, self._command_output),
            ToolFunction(COMMAND_STOP, self._command_stop),
            ToolFunction(TODO, self._todo),
            ToolFunction(WEB_FETCH, self._web_fetch),
        ]
        self._functions = {function.tool.name: function for function in functions}
        if missing := [
            tool.name for tool in tools if tool.offered != "server" and tool.runs_in == "worker" and tool.name not in self._functions
        ]:
            raise RuntimeError(f"no executor function for {', '.join(missing)}; add it in opta_tools/executor.py or files/file_tools.py")
        # Threads that work on files. The thread of a cancelled read continues until it is done.
        self._threads: set[asyncio.Task[Outcome]] = set()

    async def execute(self, call: RunTool, emit: Emit, record: Record) -> Outcome:
        """See `Executor`."""
        function = self._functions.get(call.name)
        asked = arguments(function.tool, call.args) if function is not None else None
        if function is None or not function.records_start:
            risk = function.tool.risk if function is not None else risk_of(call.name)
            start = ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox="workspace", pid=os.getpid())
            if risk is Risk.read:
                emit(start)
            else:
                await record(start)
        try:
            if function is not None:
                outcome = await function.run(Invocation(call, emit, record), asked)
            else:
                with Progress(lambda text: emit(_output(call, text))) as progress:
                    outcome = await self._servers.call(call, progress.add)
        except ToolProblem as problem:
            await self._keep(call, Outcome(f"Error: {problem}"))
            raise
        return await self._keep(call, outcome)

    @property
    def has_servers(self) -> bool:
        """Whether any MCP server may be configured."""
        return self._servers.are_any

    async def tools(self, asked: ListTools) -> ToolList:
        """The tools that the MCP servers of a folder offer."""
        return await self._servers.tools(asked.sid, asked.turn, asked.cwd, min(max(asked.waitS, 0.0), 60.0))

    async def end_turn(self, asked: EndTurn) -> None:
        """Release the resources of a turn."""
        await self._servers.end_turn(asked.sid, asked.turn)
        await self._command_changes.flush(asked.sid)

    async def end_session(self, asked: EndSession) -> None:
        """End the background commands of a session."""
        await self._runner.end_session(asked.sid)
        if self._checks is not None:
            self._checks.end_session(asked.sid)

    async def fork_files(self, asked: ForkFiles) -> None:
        """Give a new session what is kept for the session whose history it has."""
        for folder in (self._results.folder, self._checkpoints.folder.with_name("checkpoints")):
            await asyncio.to_thread(fork_folder, folder / asked.sid, folder / asked.new)

    async def preview(self, asked: PreviewTool) -> Preview:
        """What a write would change, or where a command would run."""
        if asked.name == RUN_COMMAND.name:
            self._command_changes.prepare(asked.cwd, asked.folder)
        try:
            return await asyncio.to_thread(self._files.preview, asked)
        except ToolProblem as problem:
            return Preview(callId=asked.callId, problem=str(problem), code=problem.code)

    async def texts(self, asked: ShowTexts) -> TextsShown:
        """Texts of a workspace for a prompt."""
        return await asyncio.to_thread(prompt_texts.show, asked, self._readable)

    async def paths(self, asked: FindPaths) -> PathsFound:
        """Paths of a folder that a person may mean."""
        return await self._completion.find(asked)

    async def run_hook(self, asked: RunHook) -> HookEnded:
        """Run a hook of the user, once."""
        if self._hooks is None:
            return HookEnded(hookId=asked.hookId, code="no_program", problem="this worker runs no hooks")
        ended = await self._hooks.run(asked)
        if self._checks is None or not ended.changes:
            return ended
        checked = [line for change in ended.changes for line in await self._checks.again(asked.sid, change.path)]
        return msgspec.structs.replace(ended, checked=checked)

    def cancel_hook(self, hook_id: str) -> None:
        """End a hook that runs."""
        if self._hooks is not None:
            self._hooks.cancel(hook_id)

    async def undo(self, asked: UndoChanges) -> ChangesUndone:
        """Take back what a turn changed, or make it again."""
        try:
            return await self._command_changes.in_thread(self._checkpoints.undo, asked)
        except ToolProblem as problem:
            return ChangesUndone(id=asked.id, problem=str(problem))

    async def changes(self, asked: ShowChanges) -> ChangesShown:
        """The files that a turn changed, with their diffs."""
        try:
            return await self._command_changes.in_thread(self._checkpoints.show, asked)
        except ToolProblem as problem:
            return ChangesShown(id=asked.id, problem=str(problem))

    async def recover(self, record: Record) -> None:
        """Record what commands changed that ended with an earlier worker."""
        await self._command_changes.recover(record)

    async def close(self) -> None:
        """End background commands, checks, hooks and MCP servers."""
        if self._checks is not None:
            await self._checks.close()
        if self._hooks is not None:
            await self._hooks.close()
        await self._runner.close()
        await self._servers.close()
        await self._command_changes.close()
        await self._completion.close()

    async def _keep(self, call: RunTool, outcome: Outcome) -> Outcome:
        """Keep a long result, so that a model can read on in it."""
        if outcome.spill or max(len(outcome.content), len(outcome.whole)) > KEPT_CHARS_MIN:
            keeping = asyncio.create_task(asyncio.to_thread(self._results.keep, call, outcome))
            try:
                await asyncio.shield(keeping)
            except asyncio.CancelledError:
                # The call has ended, so it reports what it did.
                await keeping
        return outcome

    async def _file_tool(self, invocation: Invocation, asked: Arguments) -> Outcome:
        if isinstance(asked, ReadFile) and asked.path.startswith(OUTPUT_SCHEME):
            return await asyncio.to_thread(self._results.read, invocation.call.sid, asked)
        call = rooted(invocation.call, self._readable)
        if self._session_tmp is not None and self.level == "full":
            call = in_session_tmp(call, self._session_tmp)
        if call.name in (GREP.name, SEARCH_FILES.name):
            if ripgrep.program() and (found := await ripgrep.run(call.name, call.args, call.cwd, call.folder)) is not None:
                return found
            if _is_costly(call):
                return await run_search(call.name, call.args, call.cwd, call.folder)
        if self._checks is not None and self._functions[call.name].tool.risk is Risk.write:
            would = PreviewTool(callId=call.callId, name=call.name, args=call.args, cwd=call.cwd, folder=call.folder, sid=call.sid)
            return await self._checks.around(call, lambda: self._files.preview(would), lambda: self._in_thread(call))
        return await self._in_thread(call)

    async def _in_thread(self, call: RunTool) -> Outcome:
        work = asyncio.create_task(asyncio.to_thread(self._files.run, call), name=f"{call.name} {call.callId}")
        self._threads.add(work)
        work.add_done_callback(self._on_thread_done)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if self._functions[call.name].tool.risk is Risk.read:
                raise
            # A thread cannot be stopped, so the call reports what it did to the file, and the next write to the file waits for it.
            return await work

    def _on_thread_done(self, work: "asyncio.Task[Outcome]") -> None:
        self._threads.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None and not isinstance(error, ToolProblem):
            log.warning("file tool failed", work=work.get_name(), reason=repr(error))

    async def _todo(self, invocation: Invocation, asked: Todo) -> Outcome:
        call, items = invocation.call, asked.items
        invocation.emit(PlanUpdated(sid=call.sid, turn=call.turn, items=[msgspec.structs.asdict(item) for item in items]))
        return Outcome(f"{len(items)} items noted", lines=len(items))

    async def _web_fetch(self, invocation: Invocation, asked: WebFetch) -> Outcome:
        return await self._web.fetch(asked)

    async def _command_output(self, invocation: Invocation, asked: CommandOutput) -> Outcome:
        return await self._runner.output(invocation.call.sid, asked)

    async def _command_stop(self, invocation: Invocation, asked: CommandStop) -> Outcome:
        return await self._runner.stop(invocation.call.sid, asked)

    async def _run_command(self, invocation: Invocation, asked: RunCommand) -> Outcome:
        call = invocation.call

        async def on_start(pid: int) -> None:
            start = ToolStart(sid=call.sid, turn=call.turn, callId=call.callId, worker=self._worker, sandbox=self.level, pid=pid)
            await invocation.record(start)

        is_over = False

        def on_output(text: str) -> None:
            # Output that a background command prints after its call has ended is read with command_output.
            if not is_over:
                invocation.emit(_output(call, text))

        try:
            on_end = await self._command_changes.begin(
                call, invocation.record, background=asked.background, is_contained=self.level == "full"
            )
            return await self._runner.run(call, asked, on_start, on_output, on_end)
        finally:
            is_over = True


def _output(call: RunTool, text: str) -> ToolOutput:
    return ToolOutput(sid=call.sid, turn=call.turn, callId=call.callId, delta=text)


def _is_costly(call: RunTool) -> bool:
    pattern, glob = str(call.args.get("pattern", "")), str(call.args.get("glob") or "")
    return is_costly(pattern, glob) if call.name == GREP.name else is_costly("", pattern)
