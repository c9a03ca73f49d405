"""The tool calls of one step: read from the model's answer, decided, run side by side, and awaited.

**Invariant:** a tool runs only after its decision was written. A call that a former agent left behind, and that may have
taken effect, is never run again.
"""

import asyncio
from typing import Any, cast

import msgspec

from opta_core.errors import OptaError
from opta_core.transcript import Call, Step
from opta_protocol.events import ToolCall, ToolResult
from opta_protocol.ids import new_call_id
from opta_protocol.permissions import Risk

from .providers.base import CallPart
from .session import AgentSession
from .turn_run import TurnRun

# As deep as the gateway reads JSON.
ARGUMENTS_DEPTH_MAX = 64


def read_call(run: TurnRun, part: CallPart) -> tuple[ToolCall, str]:
    """The call as an event, and what is wrong with it ('' when nothing is)."""
    problem = ""
    args: dict[str, Any] = {}
    try:
        args = msgspec.json.decode(part.arguments, type=dict[str, Any])
        if _is_deeper(args, ARGUMENTS_DEPTH_MAX):
            raise RecursionError
    except RecursionError:
        # Whatever reads them later recurses: events, grants, the page.
        problem = f"the arguments of {part.name} are nested deeper than {ARGUMENTS_DEPTH_MAX}; send the call again, flatter"
        args = {"unreadable": part.arguments[:2000]}
    except msgspec.DecodeError as error:
        problem = f"the arguments of {part.name} are not a JSON object ({error}); send the call again"
        args = {"unreadable": part.arguments[:2000]}
    if part.name not in (names := run.offered.names()):
        problem = f"there is no tool {part.name[:80]!r}; the tools are {', '.join(sorted(names))}"
    tool = run.offered.get(part.name)
    call = ToolCall(
        sid=run.session.sid,
        turn=run.turn.id,
        callId=new_call_id(),
        name=part.name[:80],
        args=args,
        risk=tool.risk if tool else Risk.execute,
        step=run.step,
    )
    return call, problem


async def run_calls(run: TurnRun, calls: list[tuple[ToolCall, str]]) -> None:
    """Run the calls of one step side by side, until each has a stored result: questions are all put at once, and each call runs when it is answered."""
    cause: OptaError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for call, problem in calls:
                if problem:
                    run.emit(_failed(call, problem, "bad_call"))
                else:
                    group.create_task(_decide_and_run(run, call))
    except* OptaError as errors:
        cause = next(error for error in errors.exceptions if isinstance(error, OptaError))
    if cause is not None:
        raise cause
    await _until_results(run.session, [call.callId for call, _ in calls])


async def finish_calls(run: TurnRun, step: Step) -> None:
    """Bring every call of a step that a former agent left behind to a result."""
    for known in list(step.calls):
        if run.session.result(known.id) is None:
            await _finish(run, known, step.step)
    await _until_results(run.session, [call.id for call in step.calls])


async def _finish(run: TurnRun, known: Call, step: int) -> None:
    session, gate, toolbox = run.session, run.collaborators.gate, run.collaborators.toolbox
    call = ToolCall(
        sid=session.sid, turn=run.turn.id, callId=known.id, name=known.name, args=known.args, risk=Risk(known.risk), step=step
    )  # fmt: skip
    if known.state == "denied":
        run.emit(_failed(call, "not allowed", "denied"))
    elif known.state == "running":
        if await toolbox.is_running(known.id):
            await toolbox.run(session, call)
        elif session.result(known.id):
            return
        elif call.risk is Risk.read:
            await toolbox.run(session, call, gate.permit_again(session, call))
        else:
            unknown = f"outcome unknown: the agent restarted while {call.name} ran. Check before you repeat it."
            run.emit(_failed(call, unknown, "outcome_unknown"))
    elif known.state == "allowed":
        # Allowed and not seen to start: the order may still be on its way to the worker, which runs a call once.
        await toolbox.run(session, call, gate.permit_again(session, call))
    else:
        await _decide_and_run(run, call)


async def _decide_and_run(run: TurnRun, call: ToolCall) -> None:
    permit = await run.collaborators.gate.check(run.session, run.turn, call)
    if permit.may_run:
        await run.collaborators.toolbox.run(run.session, call, permit)
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
