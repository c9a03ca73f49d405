"""The tool calls of one step: read from the model's answer, decided, run in their order, and awaited.

Reads run side by side. A call that changes something waits for all before it, and calls after it wait for it; after a change that was
denied or failed, later changes of the step are not run. Questions are put as early as their answer can be shown.

**Invariant:** a tool runs only after its decision was written. A call that a former agent left behind, and that may have
taken effect, is never run again.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from opta_core.errors import OptaError
from opta_core.tool_text import call_arguments
from opta_core.tool_text.call_arguments import UnreadableArguments
from opta_core.tool_text.tolerant_json import TooDeep
from opta_core.transcript import Call, Step
from opta_protocol.events import ToolCall, ToolResult
from opta_protocol.ids import new_call_id
from opta_protocol.permissions import Risk
from opta_protocol.tools.asking import ASK_USER
from opta_protocol.tools.delegating import AGENT
from opta_protocol.tools.file_access import READ_FILE, WRITE_FILE
from opta_protocol.tools.tool import AnyTool

from . import loop_guard
from .gate import Permit
from .providers.base import CallPart
from .session import AgentSession
from .turn_run import TurnRun

# As deep as the gateway reads JSON.
ARGUMENTS_DEPTH_MAX = 64
WRITTEN_CHARS_MAX = 2000


@dataclass(frozen=True)
class WrittenCall:
    """A call as an event, corrected where it has one reading, and what is wrong with it: a code of its result, and words for the model."""

    call: ToolCall
    code: str = ""
    problem: str = ""


def read_call(run: TurnRun, part: CallPart) -> WrittenCall:
    """Read a call that a model made."""
    offered = run.offered.by_text
    name = offered.find_meant(part.name)
    tool = run.offered.get(name) if name else None
    args, code, problem = _read_arguments(part, tool, offered.schema(name))
    if tool is None:
        code, problem = "bad_call", f"there is no tool {part.name[:80]!r}; the tools are {', '.join(sorted(run.offered.names()))}"
    call = ToolCall(
        sid=run.session.sid,
        turn=run.turn.id,
        callId=new_call_id(),
        name=name or part.name[:80],
        args=args or {},
        risk=tool.risk if tool else Risk.execute,
        step=run.step,
        written=part.arguments[:WRITTEN_CHARS_MAX] if args is None else "",
    )
    return WrittenCall(call, code, problem)


def _read_arguments(part: CallPart, tool: AnyTool | None, schema: dict[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
    """(arguments, code, what is wrong); None for arguments that cannot be read."""
    form = f"write them as {call_arguments.example(schema)}" if schema.get("properties") else "send the call again"
    wrote = part.arguments[:WRITTEN_CHARS_MAX]
    try:
        args = call_arguments.read(part.arguments)
    except UnreadableArguments as error:
        return None, "bad_call", f"{part.name}: {error}; {form}. You wrote: {wrote}"
    except (RecursionError, TooDeep):
        args = None
    if args is None or _is_deeper(args, ARGUMENTS_DEPTH_MAX):
        # Whatever reads them later recurses: events, grants, the page.
        return None, "bad_call", f"the arguments of {part.name} are nested deeper than {ARGUMENTS_DEPTH_MAX}; send the call again, flatter"
    args = call_arguments.fit(args, schema, drops_unknown=tool is not None and tool.risk is Risk.read)
    problem = tool.problem(args) if tool is not None else ""
    return (args, "bad_arguments", f"{problem}; {form}") if problem else (args, "", "")


async def run_calls(run: TurnRun, calls: list[WrittenCall]) -> None:
    """Run the calls of one step until each has a stored result."""
    cause: OptaError | None = None
    order = _Order(run)
    try:
        async with asyncio.TaskGroup() as group:
            for written in calls:
                order.add(group, written)
    except* OptaError as errors:
        cause = next(error for error in errors.exceptions if isinstance(error, OptaError))
    if cause is not None:
        raise cause
    await _until_results(run.session, [written.call.callId for written in calls])


class _Order:
    """The order in which the calls of one step run."""

    def __init__(self, run: TurnRun):
        self._run = run
        # What the next change waits for: everything before it. What the next read waits for: the last change.
        self._before: list[asyncio.Task[bool]] = []
        self._last_change: asyncio.Task[bool] | None = None
        self._changed: list[ToolCall] = []
        self._has_read = False

    def add(self, group: asyncio.TaskGroup, written: WrittenCall) -> None:
        """Begin with the next call, as far as it may begin now."""
        call = written.call
        is_change = call.risk is not Risk.read
        if not written.problem and (finding := loop_guard.before(self._run.turn, call)):
            written = WrittenCall(call, "repeated", finding.words)
        waits_for = list(self._before) if is_change else [self._last_change] if self._last_change is not None else []
        # A file may be overwritten once it was read, perhaps by a call of this step.
        needs_read = self._has_read and call.name == WRITE_FILE.name
        task = group.create_task(self._play(written, waits_for, list(self._changed), needs_read=needs_read))
        self._before.append(task)
        self._has_read = self._has_read or call.name == READ_FILE.name
        if is_change:
            self._last_change = task
            self._changed.append(call)

    async def _depends_on(self, earlier: list[ToolCall], call: ToolCall) -> bool:
        """Whether what a person is shown of a change depends on an earlier one: a script that is run, a file that is written twice, or any
        file that is written behind a command.
        """
        path = call.args.get("path")
        if path is None:
            return await self._run.collaborators.gate.runs_scripts(self._run.session, call)
        return any(path == before.args.get("path") or "path" not in before.args for before in earlier)

    async def _play(self, written: WrittenCall, waits_for: list[asyncio.Task[bool]], changes: list[ToolCall], *, needs_read: bool) -> bool:
        """Decide, wait for the calls before, and run; whether later changes may go on."""
        run, call = self._run, written.call
        is_change = call.risk is not Risk.read
        if written.problem:
            run.emit(_failed(call, written.problem, written.code))
            return not is_change
        gate = run.collaborators.gate
        # A hook judges what is there when the call would run, and a person is asked about what it lets through.
        is_late = needs_read or _is_judged(run, call) or (is_change and bool(changes) and await self._depends_on(changes, call))
        asked = None if is_late else asyncio.ensure_future(gate.check(run.session, run.turn, call))
        try:
            is_clear = await _all_good(waits_for)
            if is_change and not is_clear:
                if asked is not None:
                    asked.cancel()
                    await gate.withdraw(run.session, call, "an earlier change of this step was not made")
                run.emit(_failed(call, "not run: an earlier change of this step failed or was denied. Look at its result first", "not_run"))
                return False
            permit = await (asked or _decide(run, call))
        except BaseException:
            if asked is not None:
                asked.cancel()
            raise
        return await self._run_permitted(call, permit) or not is_change

    async def _run_permitted(self, call: ToolCall, permit: Permit) -> bool:
        if not permit.may_run:
            self._run.emit(_failed(call, permit.reason, permit.code))
            return False
        result = await _execute(self._run, call, permit)
        await _follow(self._run, call)
        return result.ok


def _is_judged(run: TurnRun, call: ToolCall) -> bool:
    return run.collaborators.hooks is not None and run.collaborators.hooks.judges(call)


async def _refusal(run: TurnRun, call: ToolCall) -> str:
    """Why a hook keeps a call from running; '' for none."""
    hooks = run.collaborators.hooks
    return await hooks.refusal(run.session, run.turn, call) if hooks is not None else ""


async def _decide(run: TurnRun, call: ToolCall) -> Permit:
    """What the hooks and then the gate say. What a hook refuses needs no decision, because it does not run."""
    if reason := await _refusal(run, call):
        return Permit(False, reason, "hook_refused")
    return await run.collaborators.gate.check(run.session, run.turn, call)


async def _follow(run: TurnRun, call: ToolCall) -> None:
    if run.collaborators.hooks is not None:
        await run.collaborators.hooks.follow(run.session, run.turn, call)


async def _all_good(tasks: list[asyncio.Task[bool]]) -> bool:
    """Wait for calls to end; whether all of them went well."""
    return all([await asyncio.shield(task) for task in tasks])


async def finish_calls(run: TurnRun, step: Step) -> None:
    """Bring every call of a step that a former agent left behind to a result."""
    cause: OptaError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            await _finish_in_order(run, step, group)
    except* OptaError as errors:
        cause = next(error for error in errors.exceptions if isinstance(error, OptaError))
    if cause is not None:
        raise cause


async def _finish_in_order(run: TurnRun, step: Step, group: asyncio.TaskGroup) -> None:
    is_clear = True
    # Sub-agents of the step work side by side; a change waits for those before it.
    delegated: list[asyncio.Task[None]] = []
    for known in list(step.calls):
        result = run.session.result(known.id)
        is_change = Risk(known.risk) is not Risk.read
        if result is None and known.name == AGENT.name:
            delegated.append(group.create_task(_finish(run, known, step.step)))
            continue
        if is_change and delegated:
            await asyncio.gather(*delegated)
        if result is None and is_change and not is_clear and known.state in ("called", "asking"):
            await _leave_out(run, known, step.step)
        elif result is None:
            await _finish(run, known, step.step)
        await _until_results(run.session, [known.id])
        await _follow(run, _call_of(run, known, step.step))
        result = run.session.result(known.id)
        is_clear = is_clear and (not is_change or (result is not None and result.ok))
    await asyncio.gather(*delegated)
    await _until_results(run.session, [known.id for known in step.calls])


async def _leave_out(run: TurnRun, known: Call, step: int) -> None:
    call = _call_of(run, known, step)
    await run.collaborators.gate.withdraw(run.session, call, "an earlier change of this step was not made")
    run.emit(_failed(call, "not run: an earlier change of this step failed or was denied. Look at its result first", "not_run"))


def _call_of(run: TurnRun, known: Call, step: int) -> ToolCall:
    return ToolCall(
        sid=run.session.sid, turn=run.turn.id, callId=known.id, name=known.name, args=known.args, risk=Risk(known.risk), step=step
    )  # fmt: skip


async def _execute(run: TurnRun, call: ToolCall, permit: Permit | None = None) -> ToolResult:
    """Run a call where its tool runs. Without a permit, a former agent began it, and its end is waited for."""
    questions = run.collaborators.questions
    if call.name == ASK_USER.name and questions is not None:
        return await questions.ask(run.session, call)
    children = run.collaborators.children
    if call.name == AGENT.name and children is not None:
        return await children.run(run, call)
    return await run.collaborators.toolbox.run(run.session, call, permit)


async def _finish(run: TurnRun, known: Call, step: int) -> None:
    session, gate, toolbox = run.session, run.collaborators.gate, run.collaborators.toolbox
    call = _call_of(run, known, step)
    if known.written:
        run.emit(_failed(call, f"the arguments cannot be read. You wrote: {known.written}", "bad_call"))
    elif known.state == "denied":
        run.emit(_failed(call, "not allowed", "denied"))
    elif known.child is not None:
        # It works in a session of its own, whichever agent began it.
        await _execute(run, call)
    elif known.state == "running":
        if await toolbox.is_running(known.id):
            await _execute(run, call)
        elif session.result(known.id):
            return
        elif call.risk is Risk.read:
            await _execute(run, call, await gate.permit_again(session, call))
        else:
            unknown = f"outcome unknown: the agent restarted while {call.name} ran. Check before you repeat it."
            run.emit(_failed(call, unknown, "outcome_unknown"))
    elif known.state == "allowed":
        if reason := await _refusal(run, call):
            run.emit(_failed(call, reason, "hook_refused"))
            return
        # Allowed and not seen to start: the order may still be on its way to the worker, which runs a call once.
        await _execute(run, call, await gate.permit_again(session, call))
    else:
        permit = await _decide(run, call)
        if permit.may_run:
            await _execute(run, call, permit)
        else:
            run.emit(_failed(call, permit.reason, permit.code))


async def _until_results(session: AgentSession, calls: list[str]) -> None:
    """The next request is built from the stored results, so wait until they are all there."""
    while any(session.result(call) is None for call in calls):
        await session.changed(0.5)


def _failed(call: ToolCall, reason: str, code: str) -> ToolResult:
    return ToolResult(sid=call.sid, turn=call.turn, callId=call.callId, ok=False, code=code, content=f"Error: {reason}")


def _is_deeper(value: Any, depth_max: int) -> bool:
    waiting = [(value, 1)]
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, dict | list):
            if depth > depth_max:
                return True
            below = cast("list[Any]", list(found.values()) if isinstance(found, dict) else found)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            waiting += [(one, depth + 1) for one in below]
    return False
