"""Between the model's wish and the tool: every call gets a decision that is an event before it runs.

A person is asked only about what can run and can be shown whole: wrong arguments, and what would fail, are answered to the model.
**Invariant:** rules, programs and scripts are read in a thread, for one call of a turn after the other: a slow disk delays no other
turn, and the questions of a turn are put in the order of its calls.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from opta_core.bus.outbox import Outbox
from opta_core.clock import now_s, seconds_until, utc_in
from opta_core.policy.actions import PolicyRequest
from opta_core.policy.grants import scripts_now
from opta_core.policy.layers import Layers
from opta_core.policy.verdict import SandboxLevel, Situation, Verdict, judge, scope_of, wants_network
from opta_core.policy.workspaces import is_whole_home
from opta_core.transcript import Turn
from opta_protocol.commands import Preview
from opta_protocol.event_parts import Execution
from opta_protocol.events import PermissionDecision, PermissionRequest, ToolCall
from opta_protocol.ids import new_call_id
from opta_protocol.permissions import Level, Mode, Risk
from opta_protocol.tools.shell import RUN_COMMAND
from opta_protocol.tools.tool import AnyTool

from .offers import offers
from .permit import Network, Permit, plan_of
from .session import AgentSession
from .waiting_time import WaitingTime

_LOOK_AGAIN_S = 5.0

T = TypeVar("T")


class Surroundings(Protocol):
    """What the gate has to know: whether a call's arguments are right, what it means, which rules there are, what contains
    commands, what a write would do and where a command would run. `request` and `layers` read files: they are called in a thread.
    """

    def problem(self, call: ToolCall) -> str: ...

    def tool(self, call: ToolCall) -> AnyTool: ...

    def request(self, call: ToolCall, cwd: str) -> PolicyRequest: ...

    def layers(self, cwd: str) -> Layers: ...

    async def sandbox(self) -> SandboxLevel: ...

    async def preview(self, session: AgentSession, call: ToolCall) -> Preview: ...


@dataclass(frozen=True)
class _Judged:
    """A call, what it means, and what the rules say about it."""

    call: ToolCall
    request: PolicyRequest
    verdict: Verdict
    sandbox: SandboxLevel


@dataclass(frozen=True)
class _Question:
    """What a person is asked. `expects`: the content that must be the same when the call runs; `expires_at`: until when an answer counts."""

    id: str
    expects: str
    expires_at: str
    execution: Execution | None


@dataclass
class PermissionGate:
    """Decides by rule, or asks and waits. `timeout_s`: how long a person has; `network`: what commands reach without asking."""

    outbox: Outbox
    surroundings: Surroundings
    timeout_s: float
    network: Network = "off"
    _waiting: WaitingTime = field(default_factory=WaitingTime, init=False)
    # Call -> question that was put about it.
    _asked: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def check(self, session: AgentSession, turn: Turn, call: ToolCall) -> Permit:
        """Decide on a call. Writes the decision first; what cannot run as it is needs none."""
        if problem := self.surroundings.problem(call):
            return Permit(False, problem, "bad_arguments")
        sandbox = await self.surroundings.sandbox()
        judged = await self._read(self._judging(session, turn, call, sandbox))
        verdict = judged.verdict
        if verdict.effect == "ask":
            return await self._ask(session, judged)
        decision = PermissionDecision(
            sid=call.sid, turn=call.turn, callId=call.callId, decision=verdict.effect, by="rule", rule=verdict.rule, layer=verdict.layer
        )
        # What only reads need not wait for the disk.
        if call.risk is Risk.read:
            self.outbox.append(decision)
        else:
            await self.outbox.written(decision)
        if verdict.layer == "mode":
            return Permit(False, verdict.rule, "plan_mode")
        if verdict.effect == "deny":
            return Permit(False, f"not allowed by policy ({verdict.rule})")
        return self._permit(session, judged.request)

    async def runs_scripts(self, session: AgentSession, call: ToolCall) -> bool:
        """Whether a call runs scripts of the workspace, whose content is a part of what is judged and asked about."""
        cwd = session.transcript.cwd

        def names_scripts() -> bool:
            request = self.surroundings.request(call, cwd)
            return bool(scripts_now(request)) or (request.contained is not None and request.contained.names_scripts)

        return await self._read(names_scripts)

    async def withdraw(self, session: AgentSession, call: ToolCall, reason: str) -> None:
        """Close the question about a call that will not be run, if one is open."""
        known = session.call(call.turn, call.callId)
        request_id = self._asked.get(call.callId) or (known.requestId if known is not None else "")
        if request_id and session.decision(request_id) is None:
            closed = PermissionDecision(
                sid=call.sid, turn=call.turn, callId=call.callId, requestId=request_id, decision="deny", by="rule", rule=reason
            )
            await self.outbox.written(closed)

    async def permit_again(self, session: AgentSession, call: ToolCall) -> Permit:
        """What was allowed for a call whose decision is stored already."""
        cwd = session.transcript.cwd
        request = await self._read(lambda: self.surroundings.request(call, cwd))
        known = session.call(call.turn, call.callId)
        if known is None:
            return self._permit(session, request)
        return self._permit(session, request, offer=known.offer, expects=known.expects, shown=known.execution)

    async def _read(self, read: Callable[[], T]) -> T:
        """Call `read`, which reads files, in a thread. One at a time, in the order of the calls of this method."""
        async with self._reading:
            return await asyncio.to_thread(read)

    def _judging(self, session: AgentSession, turn: Turn, call: ToolCall, sandbox: SandboxLevel) -> Callable[[], _Judged]:
        """What judges a call by the session as it is now."""
        transcript, granted = session.transcript, frozenset(session.granted)
        cwd, level, policy, interactive = transcript.cwd, turn.level, transcript.policy, transcript.interactive

        def judged() -> _Judged:
            request = self.surroundings.request(call, cwd)
            situation = Situation(
                level=Level.L1 if is_whole_home(cwd, Path.home()) else level,
                layers=self.surroundings.layers(cwd),
                policy=policy,
                interactive=interactive,
                sandbox=sandbox,
                has_network=self.network != "off",
                granted=granted,
                reads_only=turn.mode is Mode.plan,
            )
            return _Judged(call, request, judge(request, situation), sandbox)

        return judged

    async def _ask(self, session: AgentSession, judged: _Judged) -> Permit:
        call, request = judged.call, judged.request
        known = session.call(call.turn, call.callId)
        # A question outlives the agent that asked it, with what it showed and until when.
        if known and known.requestId:
            question = _Question(known.requestId, known.expects, known.expiresAt, known.execution)
        else:
            preview = await self._preview(session, call)
            if preview.problem:
                return Permit(False, preview.problem, preview.code or "failed")
            question = await self._put(session, judged, preview)
        decision = await self._answer(session, judged, question)
        if decision is None:
            return Permit(False, "nobody answered in time")
        if decision.decision == "deny":
            return Permit(False, "the user denied this call" + (f": {decision.note}" if decision.note else ""))
        cwd = session.transcript.cwd
        if (
            request.command is not None
            and question.expects
            and await self._read(lambda: scripts_now(self.surroundings.request(call, cwd))) != question.expects
        ):
            return Permit(False, "the scripts that it runs changed while the user was asked; make the call again")
        return self._permit(session, request, offer=decision.offer, expects=question.expects, shown=question.execution)

    async def _put(self, session: AgentSession, judged: _Judged, preview: Preview) -> _Question:
        """Write a question into the session."""
        call, request, verdict = judged.call, judged.request, judged.verdict
        earlier = tuple(session.commands)
        # Of a command that runs scripts, a person is asked about those scripts.
        expects, offered = await self._read(
            lambda: (preview.expects or scripts_now(request), offers(request, verdict, self.network, earlier))
        )
        execution = self._execution(session, request, preview, judged.sandbox)
        question = _Question(new_call_id(), expects, utc_in(self.timeout_s), execution)
        self._asked[call.callId] = question.id
        await self.outbox.written(
            PermissionRequest(
                sid=call.sid,
                turn=call.turn,
                requestId=question.id,
                callId=call.callId,
                name=call.name,
                args=call.args,
                reason=verdict.rule,
                rule=verdict.rule,
                layer=verdict.layer,
                expiresAt=question.expires_at,
                offers=offered,
                diff=preview.diff,
                expects=expects,
                scope=scope_of(request),
                server=request.actions[0].server,
                schema=request.actions[0].schema,
                execution=execution,
                writing=preview.writing,
            )
        )
        return question

    async def _preview(self, session: AgentSession, call: ToolCall) -> Preview:
        if self.surroundings.tool(call).evidence in ("execution", "writing"):
            return await self.surroundings.preview(session, call)
        return Preview(callId=call.callId)

    @property
    def waited_s(self) -> float:
        """How long people took to answer; several questions at once count once."""
        return self._waiting.seconds

    async def _answer(self, session: AgentSession, judged: _Judged, question: _Question) -> PermissionDecision | None:
        """The stored answer; None when nobody answered until the time that was shown."""
        with self._waiting.counted():
            return await self._answered(session, judged, question)

    async def _answered(self, session: AgentSession, judged: _Judged, question: _Question) -> PermissionDecision | None:
        call, verdict, expires_at = judged.call, judged.verdict, question.expires_at
        started = now_s()
        deadline = started + (min(self.timeout_s, seconds_until(expires_at)) if expires_at else self.timeout_s)
        while (decision := session.decision(question.id)) is None:
            left_s = deadline - now_s()
            if left_s <= 0:
                expiry = PermissionDecision(
                    sid=call.sid,
                    turn=call.turn,
                    callId=call.callId,
                    requestId=question.id,
                    decision="deny",
                    by="timeout",
                    rule=verdict.rule,
                    layer=verdict.layer,
                )
                result = await self.outbox.written(expiry)
                if result.status == "written":
                    return None
                # A person was first, and the answer may be known by now.
                deadline = now_s() + _LOOK_AGAIN_S
                continue
            await session.changed(min(left_s, _LOOK_AGAIN_S))
        return decision

    def _permit(
        self, session: AgentSession, request: PolicyRequest, *, offer: str = "", expects: str = "", shown: Execution | None = None
    ) -> Permit:
        network = self._network(session, request)
        # What was granted while the question was open does not change what it showed.
        if shown is not None and shown.sandbox != "none":
            network = shown.network
        if "network" in offer and request.command is not None:
            network = "on"
        expects = "" if request.command is not None else expects
        return Permit(True, plan=plan_of(request), network=network, expects=expects, schema=request.actions[0].schema)

    def _network(self, session: AgentSession, request: PolicyRequest) -> Network:
        """What a call reaches without a word about the network."""
        is_plain = request.command is not None and request.command.is_plain
        return "on" if is_plain and "network" in session.granted and wants_network(request) else self.network

    def _execution(self, session: AgentSession, request: PolicyRequest, preview: Preview, sandbox: SandboxLevel) -> Execution | None:
        """Where and how a command runs when it is allowed once; None for what is no command."""
        if request.command is None:
            return None
        asked = RUN_COMMAND.read(request.args)
        return Execution(
            folder=preview.folder,
            timeoutS=asked.limit_s(),
            sandbox=sandbox,
            background=asked.background,
            # Without a sandbox nothing keeps a command from the network.
            network="on" if sandbox == "none" else self._network(session, request),
            programs=[part.program for part in request.command.parts if part.program] if request.command.is_plain else [],
        )
