"""One turn: model, gate, tools, again, until the model asks for no tool.

The loop takes its collaborators as arguments and knows no socket, HTTP or vendor. It returns the
turn's one ending; whoever called it writes that. **Invariant:** a tool runs only after its decision was
written, and a step's calls run only when the step's answer was complete.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol, cast

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.policy.actions import RISKS
from opta_core.transcript import Step, Turn
from opta_protocol.errors import ErrorCode
from opta_protocol.events import (
    Event,
    RouteSwitch,
    StepStart,
    ToolCall,
    ToolResult,
    TurnDone,
    TurnThinking,
    TurnToken,
    Warning,
)
from opta_protocol.ids import new_call_id, share
from opta_protocol.permissions import Risk

from .compact import compact, is_full
from .gate import Permit
from .providers.base import CallPart, End, ModelRequest, Part, Text, Thinking, Usage
from .router import Route
from .session import Session
from .toolset import Offered

ATTEMPTS_MAX = 4
RETRY_DELAYS_S = (0.2, 1.0, 2.5)
RETRY_AFTER_MAX_S = 30.0
# Failures without a single piece of an answer, after which a configured fallback is taken.
SILENT_MAX = 2
SAME_CALL_MAX = 3
# As deep as the HTTP door reads.
ARGUMENTS_DEPTH_MAX = 64
# So many pieces that came in one read are joined: nobody sees them one by one, and each would cost every process its part.
JOINED_FROM = 32


class Gate(Protocol):
    """Decides on a call (`gate.Gate`)."""

    waited_s: float

    def check(self, session: Session, turn: Turn, call: ToolCall) -> Awaitable[Permit]: ...

    def permit_again(self, session: Session, call: ToolCall) -> Permit: ...


class Toolbox(Protocol):
    """Runs a call (`toolbox.Toolbox`)."""

    def run(self, session: Session, call: ToolCall, permit: Permit | None = None) -> Awaitable[ToolResult]: ...

    def is_running(self, call_id: str) -> Awaitable[bool | None]: ...

    def offered(self, session: Session, turn_id: str) -> Awaitable[Offered]: ...


@dataclass(frozen=True)
class Limits:
    """When a turn has gone on long enough."""

    max_steps: int
    max_calls: int


@dataclass
class Tally:
    """What the ending reports."""

    started_at: float
    tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    thinking_tokens: int = 0
    tools: int = 0
    steps: int = 0
    generation_s: float = 0.0
    first_token_ms: float = 0.0
    context_used: int = 0
    context_limit: int = 0
    recent_calls: list[str] = field(default_factory=list[str])


@dataclass
class Answer:
    """What one model call gave."""

    calls: list[CallPart]
    finish: str


async def run_turn(
    session: Session,
    turn_id: str,
    choose_route: Callable[[str], Awaitable[Route]],
    gate: Gate,
    toolbox: Toolbox,
    emit: Callable[[Event], Any],
    backpressure: Callable[[], Awaitable[None]],
    limits: Limits,
) -> TurnDone:
    """Run a turn from wherever it stands to its ending. Raises OptaError when it cannot go on."""
    session.settle(turn_id)
    turn = session.transcript.turn(turn_id)
    assert turn is not None
    tally = Tally(started_at=now_s())
    offered = await toolbox.offered(session, turn_id)
    for problem in offered.problems if not turn.steps else []:
        emit(Warning(sid=session.sid, turn=turn_id, code="mcp", message=problem))
    step, attempt = await _resume(session, turn, gate, toolbox, emit)
    route = await choose_route(turn.model or session.transcript.model)
    if route.switched_from:
        emit(_switch(session.sid, turn_id, route.switched_from, route))
    if turn.compact:
        if not await compact(session, turn, route, emit):
            emit(Warning(sid=session.sid, turn=turn_id, code="nothing_to_compact", message="There is nothing to compact yet."))
        return _done(session, turn_id, tally, gate, "stop")
    # Once a turn: a turn that compacted before its agent died goes on with that summary.
    if session.transcript.compactedIn != turn_id and is_full(session, turn, route.context_limit):
        await compact(session, turn, route, emit)
    while step <= limits.max_steps:
        try:
            answer, route = await _call_model(session, turn, step, attempt, route, emit, backpressure, tally, offered)
        except OptaError as error:
            if error.code != ErrorCode.context_overflow or session.transcript.compactedIn == turn_id:
                raise
            if not await compact(session, turn, route, emit):
                raise
            attempt = turn.steps[-1].attempt + 1
            continue
        attempt = 1
        tally.steps = step
        if not answer.calls:
            return _done(session, turn_id, tally, gate, "length" if answer.finish == "length" else "stop")
        calls = [_tool_call(session.sid, turn_id, step, part, offered) for part in answer.calls]
        for call, _ in calls:
            emit(call)
        tally.tools += len(calls)
        await _run_calls(session, turn, calls, gate, toolbox, emit)
        await _until_results(session, [call for call, _ in calls])
        if stop := _budget_problem(calls, tally, limits):
            emit(Warning(sid=session.sid, turn=turn_id, code="budget", message=stop))
            return _done(session, turn_id, tally, gate, "budget")
        step += 1
    emit(Warning(sid=session.sid, turn=turn_id, code="steps", message=f"Stopped after {limits.max_steps} steps (max-steps). Ask to go on."))
    return _done(session, turn_id, tally, gate, "steps")


async def _resume(session: Session, turn: Turn, gate: Gate, toolbox: Toolbox, emit: Callable[[Event], Any]) -> tuple[int, int]:
    """(step, attempt) to go on with: a former agent may have left the turn in the middle."""
    if not turn.steps:
        return 1, 1
    last = turn.steps[-1]
    if not last.calls:
        return last.step, last.attempt + 1
    await _finish_calls(session, turn, last, gate, toolbox, emit)
    return last.step + 1, 1


async def _finish_calls(session: Session, turn: Turn, step: Step, gate: Gate, toolbox: Toolbox, emit: Callable[[Event], Any]) -> None:
    """Bring every call of a step left behind to a result; what may have taken effect is never run twice."""
    for known in list(step.calls):
        if session.result(known.id):
            continue
        call = ToolCall(
            sid=session.sid, turn=turn.id, callId=known.id, name=known.name, args=known.args, risk=Risk(known.risk), step=step.step
        )
        if known.state == "denied":
            emit(_refused(call, "not allowed"))
        elif known.state == "running":
            if await toolbox.is_running(known.id):
                await toolbox.run(session, call)
            elif not session.result(known.id):
                if call.risk is Risk.read:
                    await toolbox.run(session, call, gate.permit_again(session, call))
                else:
                    content = f"Error: outcome unknown: the agent restarted while {call.name} ran. Check before you repeat it."
                    emit(ToolResult(sid=call.sid, turn=call.turn, callId=call.callId, ok=False, code="outcome_unknown", content=content))
        elif known.state == "allowed":
            # Allowed and never seen to start: the order may still be on its way to the worker, which runs a call once.
            await toolbox.run(session, call, gate.permit_again(session, call))
        else:
            await _gate_and_run(session, turn, call, gate, toolbox, emit)
    await _until_results(session, [ToolCall(callId=c.id, name=c.name, args=c.args, risk=Risk(c.risk), step=step.step) for c in step.calls])


async def _call_model(
    session: Session,
    turn: Turn,
    step: int,
    attempt: int,
    route: Route,
    emit: Callable[[Event], Any],
    backpressure: Callable[[], Awaitable[None]],
    tally: Tally,
    offered: Offered,
) -> tuple[Answer, Route]:
    """(one whole answer, the route that gave it); a lost stream is asked again as a further attempt.

    A route that fails twice in a row without a word is left for its fallback, if one is configured.
    """
    messages = session.history.messages(session.transcript, turn, cut_off=attempt > 1)
    tries = silent = 0
    while True:
        emit(
            StepStart(
                sid=session.sid,
                turn=turn.id,
                step=step,
                attempt=attempt,
                provider=route.provider.name,
                model=route.model,
                host=route.provider.host,
                contextLimit=route.context_limit,
            )  # fmt: skip
        )
        stream = _Stream(session, turn, step, attempt, emit)
        request = ModelRequest(model=route.model, messages=messages, tools=offered.encoded(session, turn, route.model), session=session.sid)
        try:
            return await stream.read(route, request, backpressure, tally), route
        except OptaError as error:
            tries += 1
            silent = 0 if stream.first_at else silent + 1
            fallback = route.fallback if silent >= SILENT_MAX else None
            if fallback is None and (not error.retryable or tries >= ATTEMPTS_MAX):
                raise
            attempt += 1
            if fallback is not None:
                emit(
                    _switch(
                        session.sid, turn.id, f"{route.provider.name}/{route.model}", msgspec.structs.replace(fallback, note=error.message)
                    )
                )
                route, tries, silent = fallback, 0, 0
                continue
            emit(Warning(sid=session.sid, turn=turn.id, code=error.code, message=f"{error.message} Trying again."))
            wait_s = error.retry_after_s or RETRY_DELAYS_S[min(tries, len(RETRY_DELAYS_S)) - 1]
            # Whoever was refused together does not come back together.
            await asyncio.sleep(min(wait_s, RETRY_AFTER_MAX_S) * (1 + 0.2 * share()))


class _Stream:
    """One model call: its parts become events as they come. `first_at`: when the first one came, 0 before."""

    def __init__(self, session: Session, turn: Turn, step: int, attempt: int, emit: Callable[[Event], Any]):
        self._session, self._turn, self._step, self._attempt, self._emit = session, turn, step, attempt, emit
        self.first_at = 0.0
        self._deltas = 0
        self._calls: list[CallPart] = []
        self._end: End | None = None

    async def read(self, route: Route, request: ModelRequest, backpressure: Callable[[], Awaitable[None]], tally: Tally) -> Answer:
        """The whole answer. Raises OptaError when the stream is lost."""
        asked_at = now_s()
        async with aclosing(route.provider.stream(request)) as stream:
            async for parts in stream:
                self.first_at = self.first_at or now_s()
                self._deltas += sum(isinstance(part, Text | Thinking) for part in parts)
                for part in joined(parts) if len(parts) >= JOINED_FROM else parts:
                    self._take(part)
                await backpressure()
        assert self._end is not None
        usage = self._end.usage or Usage(completion=self._deltas)
        tally.tokens += usage.completion
        tally.prompt_tokens += usage.prompt
        tally.cached_tokens += usage.cached
        tally.thinking_tokens += usage.thinking
        tally.generation_s += now_s() - (self.first_at or asked_at)
        tally.first_token_ms = tally.first_token_ms or round((self.first_at - asked_at) * 1000, 1)
        tally.context_used, tally.context_limit = usage.prompt + usage.completion, route.context_limit
        return Answer(self._calls, self._end.finish)

    def _take(self, part: Part) -> None:
        match part:
            case Text(delta):
                self._say(TurnToken(sid=self._session.sid, turn=self._turn.id, delta=delta))
            case Thinking(delta):
                self._say(TurnThinking(sid=self._session.sid, turn=self._turn.id, delta=delta))
            case CallPart():
                self._calls.append(part)
            case End():
                self._end = part

    def _say(self, event: TurnToken | TurnThinking) -> None:
        self._emit(event)
        self._session.say(event, self._step, self._attempt)


def joined(parts: list[Part]) -> list[Part]:
    """The same parts, with neighbours of one kind as one."""
    found: list[Part] = []
    for kind, group in groupby(parts, type):
        if kind is Text or kind is Thinking:
            found.append(kind("".join(part.delta for part in group if isinstance(part, Text | Thinking))))
        else:
            found += group
    return found


def _switch(sid: str, turn: str, switched_from: str, route: Route) -> RouteSwitch:
    return RouteSwitch(sid=sid, turn=turn, from_=switched_from, to=f"{route.provider.name}/{route.model}", reason=route.note)


def _tool_call(sid: str, turn: str, step: int, part: CallPart, offered: Offered) -> tuple[ToolCall, str]:
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
    if part.name not in (names := offered.names()):
        problem = f"there is no tool {part.name[:80]!r}; the tools are {', '.join(sorted(names))}"
    risk = RISKS.get(part.name, Risk.execute)
    return ToolCall(sid=sid, turn=turn, callId=new_call_id(), name=part.name[:80], args=args, risk=risk, step=step), problem


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


async def _run_calls(
    session: Session, turn: Turn, calls: list[tuple[ToolCall, str]], gate: Gate, toolbox: Toolbox, emit: Callable[[Event], Any]
) -> None:
    """Calls of one step side by side; questions are all put at once, and each call runs when it is answered."""
    cause: OptaError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for call, problem in calls:
                if problem:
                    emit(
                        ToolResult(sid=call.sid, turn=call.turn, callId=call.callId, ok=False, code="bad_call", content=f"Error: {problem}")
                    )
                else:
                    group.create_task(_gate_and_run(session, turn, call, gate, toolbox, emit))
    except* OptaError as errors:
        cause = next(error for error in errors.exceptions if isinstance(error, OptaError))
    if cause is not None:
        raise cause


async def _gate_and_run(session: Session, turn: Turn, call: ToolCall, gate: Gate, toolbox: Toolbox, emit: Callable[[Event], Any]) -> None:
    permit = await gate.check(session, turn, call)
    if permit.may_run:
        await toolbox.run(session, call, permit)
    else:
        emit(_refused(call, permit.reason, permit.code))


def _refused(call: ToolCall, reason: str, code: str = "denied") -> ToolResult:
    return ToolResult(sid=call.sid, turn=call.turn, callId=call.callId, ok=False, code=code, content=f"Error: {reason}")


async def _until_results(session: Session, calls: list[ToolCall]) -> None:
    """The next request is built from the stored results, so wait until they are all there."""
    while any(session.result(call.callId) is None for call in calls):
        await session.changed(0.5)


def _budget_problem(calls: list[tuple[ToolCall, str]], tally: Tally, limits: Limits) -> str:
    for call, _ in calls:
        tally.recent_calls.append(call.name + msgspec.json.encode(call.args, order="sorted").decode())
    recent = tally.recent_calls[-SAME_CALL_MAX:]
    if len(recent) == SAME_CALL_MAX and len(set(recent)) == 1:
        return f"Stopped: the model made the same call {SAME_CALL_MAX} times in a row. Tell it what to do differently?"
    if tally.tools >= limits.max_calls:
        return f"Stopped after {tally.tools} tool calls in one turn. Ask to go on."
    return ""


def _done(session: Session, turn_id: str, tally: Tally, gate: Gate, finish: Any) -> TurnDone:
    return TurnDone(
        sid=session.sid,
        turn=turn_id,
        tokens=tally.tokens,
        promptTokens=tally.prompt_tokens,
        cachedTokens=tally.cached_tokens,
        thinkingTokens=tally.thinking_tokens,
        elapsed=round(max(0.0, now_s() - tally.started_at - gate.waited_s), 3),
        tokensPerSec=round(tally.tokens / tally.generation_s, 1) if tally.generation_s > 0 else 0.0,
        tools=tally.tools,
        steps=tally.steps,
        firstTokenMs=tally.first_token_ms,
        contextUsed=tally.context_used,
        contextLimit=tally.context_limit,
        finish=finish,
    )
